//! A column under way: values of expressions go in, an Arrow array comes out.

use std::sync::Arc;

use arrow_array::types::{
    ArrowTimestampType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, ListArray, PrimitiveArray, StructArray,
};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, NullBufferBuilder, OffsetBuffer};
use arrow_schema::{ArrowError, Field, Fields, TimeUnit};

use super::bytes::{Bytes, narrowed};
use super::kind::Type;
use super::moments;
use crate::core::jmespath::outcome;
use crate::core::jmespath::scan::{Kind, Token};
use crate::core::jmespath::value::{Document, Int, Value, read_short_int};
use crate::core::jmespath::write::write;

/// A column of some type, as far as it has been filled. Any value may be null.
#[derive(Debug)]
pub struct Builder {
    kind: Type,
    valid: NullBufferBuilder,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Int64(Vec<i64>),
    Float64(Vec<f64>),
    Bool(BooleanBufferBuilder),
    Text(Bytes),
    Json(Bytes),
    Timestamp(Vec<i64>, TimeUnit),
    Date(Vec<i32>),
    List(Vec<usize>, Box<Builder>),
    Struct(Vec<(String, Builder)>),
}

impl Builder {
    /// An empty column, with room for so many values.
    pub fn new(kind: &Type, capacity: usize) -> Self {
        /// About how many bytes a text has, so that there is room for most at once.
        const BYTES_PER_TEXT: usize = 16;
        let values = match kind {
            Type::Int64 => Values::Int64(Vec::with_capacity(capacity)),
            Type::Float64 => Values::Float64(Vec::with_capacity(capacity)),
            Type::Bool => Values::Bool(BooleanBufferBuilder::new(capacity)),
            Type::Text(_) | Type::Binary(_) => Values::Text(Bytes::new(capacity, BYTES_PER_TEXT)),
            Type::Json(_) => Values::Json(Bytes::new(capacity, BYTES_PER_TEXT)),
            Type::Timestamp(unit, _) => Values::Timestamp(Vec::with_capacity(capacity), *unit),
            Type::Date => Values::Date(Vec::with_capacity(capacity)),
            Type::List(items) => Values::List(Vec::with_capacity(capacity), Box::new(Self::new(items, capacity))),
            Type::Struct(members) => {
                Values::Struct(members.iter().map(|(name, kind)| (name.clone(), Self::new(kind, capacity))).collect())
            }
        };
        Self { kind: kind.clone(), valid: NullBufferBuilder::new(capacity), values }
    }

    /// Appends a value, or null for what does not fit the type, and says whether all of it fits.
    ///
    /// Of a list or a struct only the part that does not fit is null. After an error, the column is of no use any more.
    pub fn append(&mut self, value: Value<'_>) -> outcome::Result<bool> {
        if matches!(value, Value::Null) {
            self.append_null();
            return Ok(true);
        }
        let fits = match &mut self.values {
            Values::Int64(values) => push(values, int64(value)),
            Values::Float64(values) => push(values, float64(value)),
            Values::Timestamp(values, unit) => {
                push(values, text(value).and_then(|text| moments::timestamp(text, *unit)))
            }
            Values::Date(values) => push(values, text(value).and_then(moments::date)),
            Values::Bool(values) => match value {
                Value::Bool(value) => {
                    values.append(value);
                    true
                }
                _ => false,
            },
            Values::Text(bytes) => match text(value).filter(|text| is_utf8(text)) {
                Some(text) => {
                    bytes.push(text);
                    true
                }
                None => false,
            },
            Values::Json(bytes) => {
                bytes.push_written(|out| write(value, out))?;
                true
            }
            Values::List(ends, items) => return append_list(&mut self.valid, ends, items, value),
            Values::Struct(members) => return append_struct(&mut self.valid, members, value),
        };
        if fits {
            self.valid.append_non_null();
        } else {
            self.append_null();
        }
        Ok(fits)
    }

    /// Appends a scalar of a simple document (`strings::is_simple`) where it is as plain as most are, and fits the type.
    /// False: it was not appended.
    #[inline]
    pub fn append_plain(&mut self, document: &Document<'_>, token: &Token) -> bool {
        match (&mut self.values, token.kind) {
            (Values::Int64(values), Kind::Int) => match read_short_int(document.text(token)) {
                Some(value) => values.push(value),
                None => return false,
            },
            (Values::Text(bytes), Kind::Plain) => bytes.push(document.text(token)),
            _ => return false,
        }
        self.valid.append_non_null();
        true
    }

    /// Appends JSON to a column of JSON, as it stands. False: the column has another type.
    pub fn append_json(&mut self, json: &[u8]) -> bool {
        let Values::Json(bytes) = &mut self.values else { return false };
        bytes.push(json);
        self.valid.append_non_null();
        true
    }

    /// Appends null.
    pub fn append_null(&mut self) {
        self.valid.append_null();
        match &mut self.values {
            Values::Int64(values) | Values::Timestamp(values, ..) => values.push(0),
            Values::Float64(values) => values.push(0.0),
            Values::Bool(values) => values.append(false),
            Values::Text(bytes) | Values::Json(bytes) => bytes.push(&[]),
            Values::Date(values) => values.push(0),
            Values::List(ends, items) => ends.push(items.len()),
            Values::Struct(members) => members.iter_mut().for_each(|(_, member)| member.append_null()),
        }
    }

    /// How many values there are.
    fn len(&self) -> usize {
        self.valid.len()
    }

    /// The column. `ArrowError` if it has more bytes than its layout holds.
    pub fn finish(mut self) -> Result<ArrayRef, ArrowError> {
        let length = self.len();
        let valid = self.valid.finish();
        Ok(match self.values {
            Values::Int64(values) => Arc::new(Int64Array::new(values.into(), valid)),
            Values::Float64(values) => Arc::new(Float64Array::new(values.into(), valid)),
            Values::Bool(mut values) => Arc::new(BooleanArray::new(values.finish(), valid)),
            Values::Text(bytes) | Values::Json(bytes) => bytes.into_array(&self.kind, valid)?,
            Values::Timestamp(values, unit) => timestamps(values, valid, unit, &self.kind),
            Values::Date(values) => Arc::new(Date32Array::new(values.into(), valid)),
            Values::List(ends, items) => {
                let items = items.finish()?;
                let field = Arc::new(Field::new("item", items.data_type().clone(), true));
                Arc::new(ListArray::try_new(field, offsets(&ends)?, items, valid)?)
            }
            Values::Struct(members) => {
                let finished: Vec<(String, ArrayRef)> = members
                    .into_iter()
                    .map(|(name, member)| Ok((name, member.finish()?)))
                    .collect::<Result<_, ArrowError>>()?;
                let field = |(name, array): &(String, ArrayRef)| Field::new(name, array.data_type().clone(), true);
                let fields: Fields = finished.iter().map(field).collect();
                let arrays = finished.into_iter().map(|(_, array)| array).collect();
                Arc::new(StructArray::try_new_with_length(fields, arrays, valid, length)?)
            }
        })
    }
}

fn append_list(
    valid: &mut NullBufferBuilder,
    ends: &mut Vec<usize>,
    items: &mut Builder,
    value: Value<'_>,
) -> outcome::Result<bool> {
    let mut fits = true;
    if let Value::Array(array) = value {
        for element in array.iter() {
            fits &= items.append(element?)?;
        }
        valid.append_non_null();
    } else {
        fits = false;
        valid.append_null();
    }
    ends.push(items.len());
    Ok(fits)
}

fn append_struct(
    valid: &mut NullBufferBuilder,
    members: &mut [(String, Builder)],
    value: Value<'_>,
) -> outcome::Result<bool> {
    let Value::Object(object) = value else {
        valid.append_null();
        members.iter_mut().for_each(|(_, member)| member.append_null());
        return Ok(false);
    };
    let mut fits = true;
    for (name, member) in members {
        fits &= member.append(object.get(name.as_bytes())?.unwrap_or(Value::Null))?;
    }
    valid.append_non_null();
    Ok(fits)
}

fn push<T>(values: &mut Vec<T>, value: Option<T>) -> bool {
    value.map(|value| values.push(value)).is_some()
}

/// A whole number of 64 bits, also one below 2 to the power of 53 that is written as a float: `2.0`.
fn int64(value: Value<'_>) -> Option<i64> {
    /// Up to this, a float is the number that was written.
    const TWO_POWER_53: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Int(Int(value)) => i64::try_from(value).ok(),
        Value::Float(value) if value.fract() == 0.0 && value.abs() < TWO_POWER_53 => Some(value as i64),
        _ => None,
    }
}

/// A number; the float that is nearest to an integer.
fn float64(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Int(Int(value)) => Some(value as f64),
        Value::Long(text) => {
            let nearest: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
            nearest.is_finite().then_some(nearest)
        }
        Value::Float(value) => Some(value),
        _ => None,
    }
}

fn text(value: Value<'_>) -> Option<&[u8]> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

/// Whether a text has no lone surrogate, which Arrow does not have.
fn is_utf8(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok()
}

fn timestamps(values: Vec<i64>, valid: Option<NullBuffer>, unit: TimeUnit, kind: &Type) -> ArrayRef {
    fn of<T: ArrowTimestampType>(values: Vec<i64>, valid: Option<NullBuffer>, kind: &Type) -> ArrayRef {
        let zone = if let Type::Timestamp(_, zone) = kind { zone.clone() } else { None };
        Arc::new(PrimitiveArray::<T>::new(values.into(), valid).with_timezone_opt(zone))
    }
    match unit {
        TimeUnit::Second => of::<TimestampSecondType>(values, valid, kind),
        TimeUnit::Millisecond => of::<TimestampMillisecondType>(values, valid, kind),
        TimeUnit::Microsecond => of::<TimestampMicrosecondType>(values, valid, kind),
        TimeUnit::Nanosecond => of::<TimestampNanosecondType>(values, valid, kind),
    }
}

/// The offsets of a list's elements, given where each list ends.
fn offsets(ends: &[usize]) -> Result<OffsetBuffer<i32>, ArrowError> {
    let mut all = Vec::with_capacity(ends.len() + 1);
    all.push(0);
    all.extend_from_slice(ends);
    narrowed(&all)
}
