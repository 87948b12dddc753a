//! JMESPath expressions, from the trees that Python's `jmespath` parses texts into.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};

use super::buffers::bytes_of;
use super::gil::released;
use crate::core::jmespath::scan::Scanned;
use crate::core::jmespath::signature::Summing;
use crate::core::jmespath::tree::{Argument, Comparator, Literal, Slice, Tree};
use crate::core::jmespath::{self, Outcome, Scratch};

/// A JMESPath expression.
#[pyclass(frozen, module = "flashflood._core")]
pub struct Expression(pub Arc<jmespath::Expression>);

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[pymethods]
impl Expression {
    #[new]
    #[pyo3(signature = (tree, /))]
    fn new(tree: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self(Arc::new(jmespath::Expression::new(to_tree(tree)?))))
    }

    #[pyo3(signature = (data, /))]
    fn matches(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
        let data = bytes_of(data)?;
        let outcome = released(py, || Ok(SCRATCH.with_borrow_mut(|scratch| self.0.matches(&data, scratch))))?;
        Ok(match outcome {
            Outcome::Value(is_true) => Some(is_true),
            Outcome::NotJson | Outcome::Failed => Some(false),
            Outcome::Undecided => None,
        })
    }

    /// Its value as JSON, and nothing else.
    #[pyo3(signature = (data, /))]
    fn search<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let data = bytes_of(data)?;
        let mut out = Vec::new();
        let outcome = released(py, || Ok(self.0.select(&data, &mut Scratch::default(), &mut out)))?;
        Ok((outcome == Outcome::Value(())).then(|| PyBytes::new(py, &out)))
    }

    #[pyo3(signature = (data, /))]
    fn select<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let data = bytes_of(data)?;
        let mut out = Vec::new();
        let outcome = released(py, || Ok(SCRATCH.with_borrow_mut(|scratch| self.0.select(&data, scratch, &mut out))))?;
        Ok(match outcome {
            Outcome::Value(()) => Some(PyBytes::new(py, &out)),
            Outcome::NotJson | Outcome::Failed => Some(PyBytes::new(py, b"null")),
            Outcome::Undecided => None,
        })
    }
}

/// The `ValueError` that says that Python must evaluate the expression.
fn for_python(what: &str) -> PyErr {
    PyValueError::new_err(format!("{what} is left to Python's jmespath"))
}

fn to_tree(node: &Bound<'_, PyDict>) -> PyResult<Tree> {
    let kind = item(node, "type")?;
    Ok(match kind.cast::<PyString>()?.to_str()? {
        "current" | "identity" => Tree::Current,
        "field" => Tree::Field(to_text(&item(node, "value")?)?),
        "subexpression" | "index_expression" | "pipe" => Tree::Steps(to_trees(node)?.into()),
        "index" => Tree::Index(to_index(&item(node, "value")?)?),
        "slice" => Tree::Slice(to_slice(node)?),
        "literal" => Tree::Literal(to_literal(&item(node, "value")?)?),
        "comparator" => Tree::Compare(to_comparator(&item(node, "value")?)?, children(node)?),
        "or_expression" => Tree::Or(children(node)?),
        "and_expression" => Tree::And(children(node)?),
        "not_expression" => Tree::Not(only_child(node)?),
        "flatten" => Tree::Flatten(only_child(node)?),
        "projection" => Tree::Projection(children(node)?),
        "value_projection" => Tree::ValueProjection(children(node)?),
        "filter_projection" => Tree::FilterProjection(children(node)?),
        "multi_select_list" => Tree::List(to_trees(node)?.into()),
        "multi_select_dict" => Tree::Object(to_members(node)?.into()),
        "function_expression" => to_call(node)?,
        other => return Err(for_python(other)),
    })
}

fn item<'py>(node: &Bound<'py, PyDict>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    node.get_item(name)?.ok_or_else(|| PyValueError::new_err(format!("a node of the tree has no {name:?}")))
}

fn child_nodes<'py>(node: &Bound<'py, PyDict>) -> PyResult<Vec<Bound<'py, PyDict>>> {
    item(node, "children")?.cast::<PyList>()?.iter().map(|child| Ok(child.cast_into::<PyDict>()?)).collect()
}

fn to_trees(node: &Bound<'_, PyDict>) -> PyResult<Vec<Tree>> {
    child_nodes(node)?.iter().map(to_tree).collect()
}

/// A node's children. There must be `COUNT`.
fn children<const COUNT: usize>(node: &Bound<'_, PyDict>) -> PyResult<Box<[Tree; COUNT]>> {
    let children = <[Tree; COUNT]>::try_from(to_trees(node)?);
    children.map(Box::new).map_err(|_| PyValueError::new_err(format!("a node of the tree needs {COUNT} children")))
}

fn only_child(node: &Bound<'_, PyDict>) -> PyResult<Box<Tree>> {
    let [child] = *children::<1>(node)?;
    Ok(Box::new(child))
}

fn to_members(node: &Bound<'_, PyDict>) -> PyResult<Vec<(Box<[u8]>, Tree)>> {
    let pairs = child_nodes(node)?;
    pairs.iter().map(|pair| Ok((to_text(&item(pair, "value")?)?, *only_child(pair)?))).collect()
}

fn to_call(node: &Bound<'_, PyDict>) -> PyResult<Tree> {
    let name = item(node, "value")?;
    let name = name.cast::<PyString>()?.to_str()?;
    let arguments: PyResult<Vec<Argument>> = child_nodes(node)?.iter().map(to_argument).collect();
    let sums_plainly = node.py().version_info() < (3, 12);
    let summing = if sums_plainly { Summing::Plain } else { Summing::Compensated };
    Tree::call(name, arguments?, summing).ok_or_else(|| for_python(&format!("this call of {name}()")))
}

fn to_argument(node: &Bound<'_, PyDict>) -> PyResult<Argument> {
    if item(node, "type")?.eq("expref")? {
        return Ok(Argument::Reference(*only_child(node)?));
    }
    Ok(Argument::Value(to_tree(node)?))
}

fn to_comparator(name: &Bound<'_, PyAny>) -> PyResult<Comparator> {
    Ok(match name.cast::<PyString>()?.to_str()? {
        "eq" => Comparator::Equal,
        "ne" => Comparator::NotEqual,
        "lt" => Comparator::Less,
        "lte" => Comparator::LessOrEqual,
        "gt" => Comparator::Greater,
        "gte" => Comparator::GreaterOrEqual,
        other => return Err(for_python(other)),
    })
}

fn to_slice(node: &Bound<'_, PyDict>) -> PyResult<Slice> {
    let parts = item(node, "children")?.cast_into::<PyList>()?;
    let part = |index: usize| -> PyResult<Option<i64>> {
        let number = parts.get_item(index)?;
        if number.is_none() { Ok(None) } else { to_index(&number).map(Some) }
    };
    Ok(Slice { start: part(0)?, stop: part(1)?, step: part(2)? })
}

/// An index. One of more than 64 bits becomes the largest, or the least: no array has an element there.
fn to_index(number: &Bound<'_, PyAny>) -> PyResult<i64> {
    number.extract().or_else(|error: PyErr| {
        if error.is_instance_of::<PyOverflowError>(number.py()) {
            Ok(if number.lt(0)? { i64::MIN } else { i64::MAX })
        } else {
            Err(error)
        }
    })
}

fn to_literal(value: &Bound<'_, PyAny>) -> PyResult<Literal> {
    if value.is_none() {
        Ok(Literal::Null)
    } else if let Ok(value) = value.cast::<PyBool>() {
        Ok(Literal::Bool(value.is_true()))
    } else if value.is_instance_of::<PyInt>() {
        let too_long = |_| for_python("an integer of more than 128 bits");
        value.extract().map(Literal::Int).map_err(too_long)
    } else if let Ok(value) = value.cast::<PyFloat>() {
        Ok(Literal::Float(value.value()))
    } else if value.is_instance_of::<PyString>() {
        to_text(value).map(Literal::Text)
    } else {
        let options = PyDict::new(value.py());
        options.set_item("ensure_ascii", false)?;
        let json = value.py().import("json")?.call_method("dumps", (value,), Some(&options))?;
        Scanned::new(to_text(&json)?).map(Literal::Json).map_err(|_| for_python("so deep a literal"))
    }
}

/// A text in UTF-8, in which surrogates may stand alone.
fn to_text(text: &Bound<'_, PyAny>) -> PyResult<Box<[u8]>> {
    let bytes = text.call_method1(intern!(text.py(), "encode"), ("utf-8", "surrogatepass"))?;
    Ok(bytes.cast::<PyBytes>()?.as_bytes().into())
}
