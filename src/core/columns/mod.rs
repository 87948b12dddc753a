//! What record batches have of each event: its id, date and data as they are, and values of expressions, with types.
//!
//! A batch is read in one pass. Each event is scanned once, for the filter and for all columns.

mod builder;
pub mod bytes;
pub mod kind;
mod moments;
mod pass;

use std::sync::Arc;

use arrow_schema::{Field, Schema, SchemaRef, TimeUnit};

use super::error::{Error, Result};
use super::jmespath::Expression;
use kind::{Layout, Type};

pub use pass::{Answers, Asked, Question, read};

/// The columns of record batches, in order.
#[derive(Debug, Clone)]
pub struct Columns {
    columns: Vec<Column>,
    schema: SchemaRef,
}

/// One column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What of an event it has.
    pub source: Source,
    /// Its type.
    pub kind: Type,
}

/// What of an event a column has.
#[derive(Debug, Clone)]
pub enum Source {
    /// The id.
    EventId,
    /// The date.
    Date,
    /// The data, as they are.
    Data,
    /// The value of an expression on the data; none: one that only Python can evaluate.
    Value(Option<Arc<Expression>>),
}

impl Columns {
    /// Columns with these names, each once.
    pub fn new(columns: Vec<Column>) -> Result<Self> {
        for (index, column) in columns.iter().enumerate() {
            if columns[..index].iter().any(|before| before.name == column.name) {
                return Err(Error::argument(format!("there are two columns {:?}", column.name)));
            }
        }
        let field = |column: &Column| {
            Field::new(&column.name, column.kind.data_type(), matches!(column.source, Source::Value(_)))
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        Ok(Self { columns, schema })
    }

    /// Those of whole events: event_id (string), date (timestamp, microseconds in UTC), data (binary view).
    pub fn of_events() -> Self {
        let date = Type::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let columns = [
            ("event_id", Source::EventId, Type::Text(Layout::Small)),
            ("date", Source::Date, date),
            ("data", Source::Data, Type::Binary(Layout::View)),
        ];
        let column = |(name, source, kind): (&str, Source, Type)| Column { name: name.to_owned(), source, kind };
        let columns: Vec<Column> = columns.map(column).into();
        let field = |column: &Column| Field::new(&column.name, column.kind.data_type(), false);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        Self { columns, schema }
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The schema of the record batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Some of the columns, by name, in the order given.
    pub fn only(&self, names: &[String]) -> Result<Self> {
        let named = |name: &String| {
            let column = self.columns.iter().find(|column| column.name == *name);
            column.cloned().ok_or_else(|| Error::argument(format!("there is no column {name:?}")))
        };
        Self::new(names.iter().map(named).collect::<Result<_>>()?)
    }

    /// The columns as far as a consumer asks for other types: a column of the same name in another layout, and texts
    /// or bytes for either.
    pub fn as_asked(&self, asked: &Schema) -> Result<Self> {
        let kind = |column: &Column| match (&column.source, asked.field_with_name(&column.name)) {
            (Source::Date, _) | (_, Err(_)) => column.kind.clone(),
            (_, Ok(field)) => column.kind.as_asked(field.data_type()),
        };
        Self::new(self.columns.iter().map(|column| Column { kind: kind(column), ..column.clone() }).collect())
    }
}

/// The types of the fields of an Arrow schema, each as its text. All but `event_id` and `date` must be nullable.
pub fn types_of(schema: &Schema) -> Result<Vec<(String, String)>> {
    let mut types: Vec<(String, String)> = Vec::new();
    for field in schema.fields() {
        let name = field.name();
        if !field.is_nullable() && !["event_id", "date"].contains(&name.as_str()) {
            return Err(Error::argument(format!("schema: {name:?} must be nullable, since an event may lack it")));
        }
        if types.iter().any(|(before, _)| before == name) {
            return Err(Error::argument(format!("schema has two fields {name:?}")));
        }
        types.push((name.clone(), type_of(field)?));
    }
    Ok(types)
}

/// The type of an Arrow field as its text.
pub fn type_of(field: &Field) -> Result<String> {
    let text = Type::of_field(field)?.to_string();
    text.parse::<Type>()?; // what has no text, as some time zones, is no type here
    Ok(text)
}
