//! From a manifest's JSON to columns. No value is made for a row on the way.

mod contents;
mod plain;
mod sink;

use serde::de::DeserializeSeed;

use super::{Manifest, Ours};
use crate::core::error::{Error, Result};
use crate::core::journal_id::JournalId;
use crate::core::row::check_bounds;
use contents::{Arrays, Contents, wrong_number};
use sink::Seed;

impl Manifest {
    /// Reads any valid JSON manifest. `journal_id` is the one in its key: what 0.4.3 does not know counts only if the
    /// manifest names the same one.
    pub fn decode(journal_id: &str, body: &[u8]) -> Result<Self> {
        Self::decode_with(journal_id, body, Arrays::checked)
    }

    /// Reads some of the rows of a manifest that this package wrote, over a blob of `size` bytes: their places and where
    /// their data lie. `rows`: their JSON, one after the other; `replaces`: that of the array.
    pub fn decode_part(journal_id: &str, size: u64, rows: &[u8], replaces: &[u8]) -> Result<Self> {
        let head = format!(
            "{{\"journal_id\": \"{journal_id}\", \"from_date\": \"\", \"to_date\": \"\", \"size\": {size}, \"events\": ["
        );
        let arrays = "], \"revisions\": [], \"updated\": [], \"births\": [], \"from\": [], \"replaces\": ";
        let body = [head.as_bytes(), rows, arrays.as_bytes(), replaces, b"}"].concat();
        let only_replaces = |arrays: Arrays, _| {
            let ours = arrays.checked(0)?;
            Ok(ours.map(|ours| Ours { replaces: ours.replaces, ..Ours::default() }))
        };
        Self::decode_with(journal_id, &body, only_replaces)
    }

    /// `ours`: takes what 0.4.3 does not know of so many rows.
    fn decode_with(
        journal_id: &str,
        body: &[u8],
        ours: impl FnOnce(Arrays, usize) -> std::result::Result<Option<Ours>, String>,
    ) -> Result<Self> {
        let name = JournalId::parse(journal_id)
            .ok_or_else(|| Error::argument(format_args!("{journal_id:?} does not have a journal_id's shape")))?;
        let corrupt = |what: &str| Error::corrupt(journal_id, format_args!("its manifest: {what}"));
        let contents = plain::parse(body).map_or_else(|| parse(body), Ok).map_err(|what| corrupt(&what))?;

        let size = contents.size.get().ok_or_else(|| corrupt(&wrong_number("size")))?;
        let own_id = contents.journal_id.get().ok_or_else(|| corrupt("journal_id is missing or not a text"))?;
        let rows = contents.events.get().ok_or_else(|| corrupt("events is missing or not an array"))?;
        if let Some(what) = rows.wrong {
            return Err(corrupt(&format!("row {}: {what}", rows.ids.len())));
        }
        if u32::try_from(rows.ids.len()).is_err() {
            return Err(corrupt("it has more rows than can be counted"));
        }
        for (row, (offset, size_of_row)) in rows.offsets.iter().zip(&rows.sizes).enumerate() {
            check_bounds(*offset, *size_of_row, size).map_err(|what| corrupt(&format!("row {row}: {what}")))?;
        }
        let ours = if own_id == journal_id { ours(contents.ours, rows.ids.len()) } else { Ok(None) };
        let ours = ours.map_err(|what| corrupt(&what))?;
        let manifest = Self {
            size,
            ids: rows.ids,
            timestamps: rows.timestamps,
            offsets: rows.offsets,
            sizes: rows.sizes,
            ours,
            ..Self::empty(journal_id, name)
        };
        Ok(manifest.finished())
    }
}

fn parse(body: &[u8]) -> std::result::Result<Contents, String> {
    // All at once, which is quicker than text by text.
    let json = std::str::from_utf8(body).map_err(|error| format!("it is not UTF-8 at byte {}", error.valid_up_to()))?;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let mut contents = Contents::default();
    let is_object = Seed(&mut contents)
        .deserialize(&mut deserializer)
        .and_then(|is_object| deserializer.end().map(|()| is_object))
        .map_err(|error| syntax_error(body, &error))?;
    if is_object { Ok(contents) } else { Err("it is not a JSON object".to_owned()) }
}

/// The parser's message, with the byte instead of line and column.
fn syntax_error(body: &[u8], error: &serde_json::Error) -> String {
    let before: usize =
        body.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    let message = error.to_string();
    let reason = message.rsplit_once(" at line ").map_or(message.as_str(), |(reason, _)| reason);
    format!("it is not JSON: {reason} at byte {}", before + error.column().saturating_sub(1))
}
