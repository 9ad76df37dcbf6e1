//! Checksums of many stretches of the same bytes, without going through them again for each.

use std::ops::Range;

use crc32fast::Hasher;

/// Bytes between two places whose checksum is kept: what is gone through again for each question, at most twice.
const STRIDE: usize = 64;

/// The CRC-32 of the beginnings of some bytes.
///
/// The CRC-32 of a beginning and that of what follows give the CRC-32 of both, whatever the bytes are. So a stretch has the
/// right checksum if, and only if, it makes the beginning before it the beginning that ends with it.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// The checksum of the first [`STRIDE`] bytes, of the first two times as many, and so on, as far as somebody asked.
    marks: Vec<u32>,
    /// Bytes that were gone through.
    #[cfg(test)]
    pub(super) summed: usize,
}

impl Sums {
    /// Forgets what was kept: the bytes are others now.
    pub(super) fn clear(&mut self) {
        self.marks.clear();
    }

    /// Returns whether this stretch of `bytes`, which is not empty, has this checksum. The bytes are the same until
    /// [`Sums::clear`].
    pub(super) fn has(&mut self, bytes: &[u8], stretch: Range<usize>, checksum: u32) -> bool {
        let mut whole = Hasher::new_with_initial(self.up_to(bytes, stretch.start));
        whole.combine(&Hasher::new_with_initial_len(checksum, stretch.len() as u64));
        whole.finalize() == self.up_to(bytes, stretch.end)
    }

    /// Returns the checksum of `bytes` up to `end`.
    fn up_to(&mut self, bytes: &[u8], end: usize) -> u32 {
        #[cfg(test)]
        {
            self.summed += (end / STRIDE).saturating_sub(self.marks.len()) * STRIDE + end % STRIDE;
        }
        while self.marks.len() < end / STRIDE {
            let start = self.marks.len() * STRIDE;
            self.marks.push(go_on(self.mark(self.marks.len()), &bytes[start..start + STRIDE]));
        }
        go_on(self.mark(end / STRIDE), &bytes[end - end % STRIDE..end])
    }

    /// Returns the checksum of the first `count` times [`STRIDE`] bytes, which is known.
    fn mark(&self, count: usize) -> u32 {
        count.checked_sub(1).map_or(0, |index| self.marks[index])
    }
}

/// Returns the checksum of what has this checksum and `bytes`.
fn go_on(checksum: u32, bytes: &[u8]) -> u32 {
    let mut hasher = Hasher::new_with_initial(checksum);
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_has_its_own_checksum_and_no_other() {
        let bytes: Vec<u8> = (0..1000_u32).map(|n| (n * n % 251) as u8).collect();
        let mut sums = Sums::default();
        for start in (0..1000).step_by(37) {
            for end in (start + 1..=1000).step_by(23) {
                let checksum = crc32fast::hash(&bytes[start..end]);
                assert!(sums.has(&bytes, start..end, checksum), "{start}..{end}");
                assert!(!sums.has(&bytes, start..end, checksum ^ 1), "{start}..{end}");
            }
        }
        sums.clear();
        assert!(sums.has(b"other", 1..5, crc32fast::hash(b"ther")));
    }
}
