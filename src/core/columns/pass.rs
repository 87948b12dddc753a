//! One pass over a batch: events are scanned, filtered, and read into columns.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use hashbrown::HashMap;

use super::builder::Builder;
use super::{Columns, Source};
use crate::core::arrow::Part;
use crate::core::batch::{Batch, Event};
use crate::core::error::{Error, Result};
use crate::core::jmespath::outcome::{self, NoValue};
use crate::core::jmespath::shape::Shape;
use crate::core::jmespath::value::Document;
use crate::core::jmespath::write::write;
use crate::core::jmespath::{Expression, Scratch, strings};

/// What Python must say before a batch can be read: about which event, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Question {
    /// The event.
    pub event: usize,
    /// What about it.
    pub asked: Asked,
}

/// What Python must say of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asked {
    /// Whether the filter is true of it.
    Filter,
    /// What the expression of this column makes of it, as JSON.
    Column(usize),
}

/// Python's answers: JSON.
pub type Answers = HashMap<Question, Vec<u8>>;

/// Reads the events of a batch that a filter is true of into columns; or says what Python must answer first.
///
/// Where a value does not fit its type, it is null, or, if `nulls` is false, an error that names event and column.
pub fn read(
    batch: &Batch,
    filter: Option<&Expression>,
    columns: &Columns,
    nulls: bool,
    answers: &Answers,
) -> Result<std::result::Result<RecordBatch, Vec<Question>>> {
    let mut pass = Pass::new(batch.len(), columns, nulls, answers);
    let mut scratch = Scratch::default();
    for (index, event) in batch.events().enumerate() {
        pass.event(index, &event, filter, &mut scratch)?;
    }
    if !pass.questions.is_empty() {
        return Ok(Err(pass.questions));
    }
    let kept = pass.kept;
    let arrays = pass.finish(batch)?;
    let options = RecordBatchOptions::new().with_row_count(Some(kept));
    let read = RecordBatch::try_new_with_options(Arc::clone(columns.schema()), arrays, &options);
    Ok(Ok(read.map_err(Error::argument)?))
}

/// A pass under way.
struct Pass<'a> {
    columns: &'a Columns,
    nulls: bool,
    answers: &'a Answers,
    questions: Vec<Question>,
    kept: usize,
    parts: Vec<Part>,
    values: Vec<Reader<'a>>,
    shape: Shape,
}

/// A column of values under way.
struct Reader<'a> {
    column: usize,
    expression: Option<&'a Expression>,
    /// Which of the shape's members it begins with.
    member: Option<usize>,
    builder: Builder,
}

impl<'a> Pass<'a> {
    fn new(capacity: usize, columns: &'a Columns, nulls: bool, answers: &'a Answers) -> Self {
        let mut members: Vec<Box<[u8]>> = Vec::new();
        let (mut parts, mut values) = (Vec::new(), Vec::new());
        for (column, described) in columns.columns.iter().enumerate() {
            let expression = match &described.source {
                Source::EventId => {
                    parts.push(Part::of_ids(capacity));
                    continue;
                }
                Source::Date => {
                    parts.push(Part::of_dates(capacity));
                    continue;
                }
                Source::Data => {
                    parts.push(Part::of_data(&described.kind, capacity));
                    continue;
                }
                Source::Value(expression) => expression.as_deref(),
            };
            let member = expression.and_then(Expression::member).map(|key| {
                let known = members.iter().position(|known| **known == *key);
                known.unwrap_or_else(|| {
                    members.push(key.into());
                    members.len() - 1
                })
            });
            values.push(Reader { column, expression, member, builder: Builder::new(&described.kind, capacity) });
        }
        let shape = Shape::new(members);
        Self { columns, nulls, answers, questions: Vec::new(), kept: 0, parts, values, shape }
    }

    /// Takes an event, if the filter is true of it.
    fn event(
        &mut self,
        index: usize,
        event: &Event<'_>,
        filter: Option<&Expression>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        if filter.is_none() && self.values.is_empty() {
            return self.keep(event);
        }
        let is_simple = strings::is_simple(event.data);
        if is_simple && filter.is_some_and(|filter| filter.is_surely_false(event.data)) {
            return Ok(());
        }
        let document = scratch.scan(event.data, is_simple);
        let document = document.as_ref().map_err(|&none| none);
        if filter.is_some_and(|filter| !self.is_true(index, filter, document)) {
            return Ok(());
        }
        self.keep(event)?;
        if let Ok(document) = document {
            self.shape.find(document);
        }
        let simple = document.ok().filter(|_| is_simple && self.answers.is_empty());
        for reader in 0..self.values.len() {
            if !simple.is_some_and(|document| self.plain_value(document, reader)) {
                self.value(index, event, document, reader)?;
            }
        }
        Ok(())
    }

    /// Appends a simple document's value to a column where it is a member, and as plain as most are. False: it was not.
    #[inline]
    fn plain_value(&mut self, document: &Document<'_>, reader: usize) -> bool {
        let Reader { expression: Some(expression), member: Some(member), builder, .. } = &mut self.values[reader]
        else {
            return false;
        };
        let Some(at) = self.shape.token(*member) else { return false };
        expression.is_member(document) && builder.append_plain(document, &document.tokens[at as usize])
    }

    /// Appends an event's id, date and data.
    #[inline]
    fn keep(&mut self, event: &Event<'_>) -> Result<()> {
        self.kept += 1;
        self.parts.iter_mut().try_for_each(|part| part.append(event))
    }

    /// Whether a filter is true of an event. Where Python must say and has not, it is asked.
    fn is_true<'d>(
        &mut self,
        event: usize,
        filter: &'d Expression,
        document: outcome::Result<&'d Document<'d>>,
    ) -> bool {
        match document.and_then(|document| filter.value(document)) {
            Ok(value) => value.is_true(),
            Err(NoValue::NotJson | NoValue::Failed) => false,
            Err(NoValue::Undecided) => {
                let question = Question { event, asked: Asked::Filter };
                let answer = self.answers.get(&question);
                if answer.is_none() {
                    self.questions.push(question);
                }
                answer.is_some_and(|answer| answer == b"true")
            }
        }
    }

    /// Appends an event's value to a column.
    fn value<'d>(
        &mut self,
        index: usize,
        event: &Event<'_>,
        document: outcome::Result<&'d Document<'d>>,
        reader: usize,
    ) -> Result<()>
    where
        'a: 'd,
    {
        let Reader { column, expression, member, builder } = &mut self.values[reader];
        let (column, expression) = (*column, *expression);
        let question = Question { event: index, asked: Asked::Column(column) };
        if let Some(json) = self.answers.get(&question) {
            return self.answered(event, reader, json);
        }
        let value = match (expression, document) {
            (None, _) => Err(NoValue::Undecided),
            (_, Err(none)) => Err(none),
            (Some(expression), Ok(document)) => match *member {
                Some(member) => {
                    let member = self.shape.member(member, document);
                    member.and_then(|member| expression.value_of_member(document, member))
                }
                None => expression.value(document),
            },
        };
        match value.and_then(|value| builder.append(value).map(|fits| (fits, value))) {
            Ok((true, _)) => Ok(()),
            Ok((false, _)) if self.nulls => Ok(()),
            Ok((false, value)) => Err(self.misfit(event, column, |shown| write(value, shown))),
            Err(NoValue::NotJson | NoValue::Failed) => {
                builder.append_null();
                Ok(())
            }
            Err(NoValue::Undecided) => {
                // The column may have half of the value now. But it is read once more when the answer is there.
                self.questions.push(question);
                Ok(())
            }
        }
    }

    /// Appends what Python made of an event.
    fn answered(&mut self, event: &Event<'_>, reader: usize, json: &[u8]) -> Result<()> {
        let Reader { column, builder, .. } = &mut self.values[reader];
        let column = *column;
        if json != b"null" && builder.append_json(json) {
            return Ok(());
        }
        let mut scratch = Scratch::taking_long();
        let document = scratch.scan(json, strings::is_simple(json));
        let document = document.as_ref().map_err(|&none| none);
        let fits = document.and_then(|document| builder.append(document.root()?));
        match fits {
            Ok(true) => Ok(()),
            Ok(false) if self.nulls => Ok(()),
            Ok(false) => Err(self.misfit(event, column, |shown| {
                shown.extend_from_slice(json);
                Ok(())
            })),
            Err(_) => Err(Error::argument(format!("event {:?}: Python's value is no JSON", event.event_id))),
        }
    }

    fn misfit(
        &self,
        event: &Event<'_>,
        column: usize,
        show: impl FnOnce(&mut Vec<u8>) -> outcome::Result<()>,
    ) -> Error {
        const MOST_SHOWN: usize = 60;
        let mut shown = Vec::new();
        let _ = show(&mut shown);
        let text = String::from_utf8_lossy(&shown);
        let mut short: String = text.chars().take(MOST_SHOWN).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        let (id, column) = (event.event_id, &self.columns.columns[column]);
        let (name, kind) = (&column.name, &column.kind);
        Error::argument(format!(
            "event {id:?}: column {name:?} is {short}, which does not fit {kind}; give it another type in schema, such \
             as json, or on_mismatch=\"null\""
        ))
    }

    /// The columns, in their order.
    fn finish(self, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let (mut parts, mut values) = (self.parts.into_iter(), self.values.into_iter());
        let array = |column: &super::Column| {
            let finished = match column.source {
                Source::Value(_) => values.next().map(|reader| reader.builder.finish()),
                _ => parts.next().map(|part| part.finish(batch, &column.kind)),
            };
            finished.ok_or_else(|| Error::argument("a column was not read"))?.map_err(Error::argument)
        };
        self.columns.columns.iter().map(array).collect()
    }
}
