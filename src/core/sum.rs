//! CRC-32, as zlib's `crc32` gives it.

/// For each byte, what it does to the sum where so many bytes follow it among the eight that are taken at a time.
const TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 };
            bit += 1;
        }
        tables[0][byte] = sum;
        byte += 1;
    }
    let mut index = 256;
    while index < 8 * 256 {
        let before = tables[index / 256 - 1][index % 256];
        tables[index / 256][index % 256] = before >> 8 ^ tables[0][before as usize & 0xFF];
        index += 1;
    }
    tables
}

/// The sum of the bytes so far.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sum(u32);

impl Sum {
    /// Goes on with these bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut sum = !self.0;
        for word in words {
            let word = u64::from_le_bytes(*word) ^ u64::from(sum);
            sum = (0..8).fold(0, |sum, byte| sum ^ TABLES[7 - byte][(word >> (8 * byte)) as usize & 0xFF]);
        }
        for byte in rest {
            sum = sum >> 8 ^ TABLES[0][(sum as u8 ^ byte) as usize];
        }
        self.0 = !sum;
    }

    /// What it is now.
    pub fn value(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Sum;
    use crate::core::samples::Dice;

    #[test]
    fn the_sum_is_crc_32_in_however_many_pieces_the_bytes_come() {
        let mut sum = Sum::default();
        assert_eq!(sum.value(), 0);
        sum.add(b"123456789");
        assert_eq!(sum.value(), 0xCBF4_3926);
        let mut dice = Dice::new(3);
        let bytes: Vec<u8> = (0..5_000).map(|_| dice.roll(256) as u8).collect();
        let (mut whole, mut pieces, mut at) = (Sum::default(), Sum::default(), 0);
        whole.add(&bytes);
        while at < bytes.len() {
            let end = bytes.len().min(at + dice.roll(40) as usize);
            pieces.add(&bytes[at..end]);
            at = end;
        }
        assert_eq!(whole.value(), pieces.value());
    }
}
