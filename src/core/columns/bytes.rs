//! Texts or bytes, one after the other, and the Arrow arrays that they become.

use std::sync::Arc;

use arrow_array::builder::make_view;
use arrow_array::{
    ArrayRef, BinaryViewArray, GenericBinaryArray, GenericStringArray, OffsetSizeTrait, StringViewArray,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;

use super::kind::{Layout, Type};

/// Texts or bytes, one after the other.
#[derive(Debug)]
pub struct Bytes {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Bytes {
    /// None yet, with room for so many of such a length.
    pub fn new(capacity: usize, length: usize) -> Self {
        let mut ends = Vec::with_capacity(capacity + 1);
        ends.push(0);
        Self { bytes: Vec::with_capacity(capacity * length), ends }
    }

    /// Appends one.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.end();
    }

    /// Appends one that `write` writes.
    pub fn push_written<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        write(&mut self.bytes)?;
        self.end();
        Ok(())
    }

    #[inline]
    fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// The array of a type that has texts or bytes. An error where texts are no UTF-8, or take too much for the type.
    pub fn into_array(self, kind: &Type, valid: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        Ok(match kind {
            Type::Binary(Layout::Small) => Arc::new(self.binary::<i32>(valid)?),
            Type::Binary(Layout::Large) => Arc::new(self.binary::<i64>(valid)?),
            Type::Binary(Layout::View) => {
                Arc::new(BinaryViewArray::try_new(self.views()?, vec![Buffer::from(self.bytes)], valid)?)
            }
            Type::Text(Layout::Large) | Type::Json(Layout::Large) => Arc::new(self.texts::<i64>(valid)?),
            Type::Text(Layout::View) | Type::Json(Layout::View) => {
                Arc::new(StringViewArray::try_new(self.views()?, vec![Buffer::from(self.bytes)], valid)?)
            }
            _ => Arc::new(self.texts::<i32>(valid)?),
        })
    }

    fn texts<O: OffsetSizeTrait>(self, valid: Option<NullBuffer>) -> Result<GenericStringArray<O>, ArrowError> {
        GenericStringArray::try_new(narrowed(&self.ends)?, self.bytes.into(), valid)
    }

    fn binary<O: OffsetSizeTrait>(self, valid: Option<NullBuffer>) -> Result<GenericBinaryArray<O>, ArrowError> {
        GenericBinaryArray::try_new(narrowed(&self.ends)?, self.bytes.into(), valid)
    }

    fn views(&self) -> Result<ScalarBuffer<u128>, ArrowError> {
        i32::try_from(self.bytes.len()).map_err(|_| too_large(self.bytes.len()))?;
        let bounds = self.ends.windows(2);
        Ok(bounds.map(|bound| make_view(&self.bytes[bound[0]..bound[1]], 0, bound[0] as u32)).collect())
    }
}

/// Ends as offsets of 32 or 64 bits.
pub fn narrowed<O: OffsetSizeTrait>(ends: &[usize]) -> Result<OffsetBuffer<O>, ArrowError> {
    let last = ends.last().copied().unwrap_or(0);
    O::from_usize(last).ok_or_else(|| too_large(last))?;
    Ok(OffsetBuffer::new(ends.iter().map(|&end| O::usize_as(end)).collect::<ScalarBuffer<O>>()))
}

fn too_large(size: usize) -> ArrowError {
    ArrowError::InvalidArgumentError(format!("a column of a batch takes {size} bytes; this type holds 2 GiB at most"))
}
