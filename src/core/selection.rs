//! Expressions on whole batches: which events to keep, or what to give instead of their data.

use super::batch::Batch;
use super::jmespath::tree::Tree;
use super::jmespath::{Expression, Outcome, Scratch};

/// Which events of a batch an expression is true of.
#[derive(Debug, Default)]
pub struct Matches {
    /// For each event, whether the expression is true. It is false also where the data are not JSON, or it fails on
    /// them.
    pub keep: Vec<bool>,
    /// The indices of the events that Python must decide. They are not kept yet.
    pub undecided: Vec<usize>,
}

/// What an expression makes of the events of a batch, as JSON.
#[derive(Debug, Default)]
pub struct Results {
    /// The results, one after the other.
    pub data: Vec<u8>,
    /// For each event, where its result lies in them.
    pub bounds: Vec<(usize, usize)>,
    /// The indices of the events that Python must evaluate. They have no result yet.
    pub undecided: Vec<usize>,
}

impl Matches {
    /// Which events an expression is true of.
    pub fn of(batch: &Batch, expression: &Expression) -> Self {
        let mut matches = Self { keep: Vec::with_capacity(batch.len()), undecided: Vec::new() };
        let mut scratch = Scratch::default();
        for (index, event) in batch.events().enumerate() {
            let outcome = expression.matches(event.data, &mut scratch);
            if outcome == Outcome::Undecided {
                matches.undecided.push(index);
            }
            matches.keep.push(outcome == Outcome::Value(true));
        }
        matches
    }

    /// No event is decided: Python must do it.
    pub fn none_of(batch: &Batch) -> Self {
        Self { keep: vec![false; batch.len()], undecided: (0..batch.len()).collect() }
    }
}

impl Results {
    /// The results of an expression. It is `null` where the data are not JSON, or the expression fails on them.
    pub fn of(batch: &Batch, expression: &Expression) -> Self {
        let mut results = Self::default();
        let mut scratch = Scratch::default();
        for (index, event) in batch.events().enumerate() {
            let start = results.data.len();
            match expression.select(event.data, &mut scratch, &mut results.data) {
                Outcome::Value(()) => {}
                Outcome::NotJson | Outcome::Failed => results.data.extend_from_slice(b"null"),
                Outcome::Undecided => results.undecided.push(index),
            }
            results.bounds.push((start, results.data.len()));
        }
        results
    }

    /// No results: Python must evaluate every event.
    pub fn none_of(batch: &Batch) -> Self {
        Self { data: Vec::new(), bounds: vec![(0, 0); batch.len()], undecided: (0..batch.len()).collect() }
    }

    /// Sets the result of an event that was undecided.
    pub fn set(&mut self, index: usize, result: &[u8]) {
        let start = self.data.len();
        self.data.extend_from_slice(result);
        self.bounds[index] = (start, self.data.len());
    }
}

/// The events' data with commas between, as the items of a JSON array. None where some may not be JSON.
pub fn joined(batch: &Batch) -> Option<Vec<u8>> {
    let is_json = Expression::new(Tree::Current);
    let mut scratch = Scratch::default();
    let mut items = Vec::new();
    for (index, event) in batch.events().enumerate() {
        let Outcome::Value(_) = is_json.matches(event.data, &mut scratch) else { return None };
        if index > 0 {
            items.push(b',');
        }
        items.extend_from_slice(event.data);
    }
    Some(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::batch::tests::batch_of;

    /// `foo`
    fn foo() -> Expression {
        Expression::new(Tree::Field(b"foo".as_slice().into()))
    }

    #[test]
    fn an_expression_keeps_what_it_is_true_of_and_leaves_to_python_what_it_must() {
        let batch = batch_of(&[br#"{"foo": 0}"#, br#"{"foo": []}"#, b"not JSON", b"\xef\xbb\xbf{}", b""]);
        let matches = Matches::of(&batch, &foo());
        assert_eq!(matches.keep, [true, false, false, false, false]);
        assert_eq!(matches.undecided, [3]);
    }

    #[test]
    fn each_event_gets_its_result_and_null_stands_for_none() {
        let batch = batch_of(&[br#"{"foo": [1, "a"]}"#, b"not JSON", b"\xef\xbb\xbf{}", br#"{"foo": 1e3}"#]);
        let mut results = Results::of(&batch, &foo());
        assert_eq!(results.undecided, [2]);
        results.set(2, b"7");
        let batch = batch.with_data(results.data, &results.bounds);
        let data: Vec<&[u8]> = batch.events().map(|event| event.data).collect();
        assert_eq!(data, [&br#"[1,"a"]"#[..], b"null", b"7", b"1000.0"]);
    }

    #[test]
    fn only_json_is_joined() {
        assert_eq!(joined(&batch_of(&[b"1", b" [2] "])).as_deref(), Some(&b"1, [2] "[..]));
        assert_eq!(joined(&batch_of(&[b"1"]).kept(&[false])).as_deref(), Some(&b""[..]));
        for other in [&b"1],[2"[..], b"", b"\xef\xbb\xbf1"] {
            assert_eq!(joined(&batch_of(&[b"1", other])), None);
        }
    }
}
