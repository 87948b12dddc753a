//! A fuzzer's bytes, read as choices. No library does it: what a kept input means must not change with a version.

/// Bytes from which choices are made, one after the other. When no byte is left, each choice is the first.
pub struct Choices<'a> {
    rest: &'a [u8],
}

impl<'a> Choices<'a> {
    /// Choices made from these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been used.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all bytes have been used.
    pub fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        first
    }

    /// A number below `sides`, which are 256 at most.
    pub fn below(&mut self, sides: u64) -> u64 {
        u64::from(self.byte()) % sides
    }

    /// A number below `sides`, or none.
    pub fn perhaps(&mut self, sides: u64) -> Option<u64> {
        self.below(sides + 1).checked_sub(1)
    }

    /// Yes or no.
    pub fn is_true(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Yes once in so many times.
    pub fn is_rare(&mut self, times: u64) -> bool {
        self.below(times) == times - 1
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()]
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    /// A number of any magnitude: mostly a small one.
    pub fn size(&mut self) -> u64 {
        const KIBIBYTES_64: u64 = 64 * 1024;
        match self.byte() {
            small @ 0..200 => u64::from(small % 16),
            200..220 => KIBIBYTES_64 - 8 + self.below(16),
            220..240 => self.below(4) * KIBIBYTES_64 + self.below(256),
            240..250 => i64::MAX as u64 - self.below(256),
            _ => self.number(),
        }
    }

    /// As many bytes as the first one says.
    pub fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(length);
        self.rest = rest;
        bytes
    }

    /// Any text.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }
}
