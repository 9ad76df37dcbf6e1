//! Makes inputs: seeds with bytes, words, lines and stretches changed, some of them grown up to the longest.

/// The longest input.
const BYTES_MAX: usize = 1 << 20;

/// How many inputs are kept to go on from, beside the seeds.
const KEPT_MAX: usize = 64;

/// Bytes that mean something to most readers.
const BYTES: &[u8] = b"\0\t\n\r \"'#$%&()*+,-./0129:;<=>?@AZ[\\]^_`az{|}~\x7f\x80\xbf\xc3\xe2\xf0\xff";

/// The seeds, and what was made of them.
pub(crate) struct Mutator {
    random: u64,
    seeds: Vec<Vec<u8>>,
    kept: Vec<Vec<u8>>,
    words: &'static [&'static str],
    current: Vec<u8>,
    /// How many seeds were given out as they are.
    begun: usize,
}

impl Mutator {
    pub(crate) fn new(seed: u64, seeds: Vec<Vec<u8>>, words: &'static [&'static str]) -> Self {
        assert!(!seeds.is_empty(), "a target has seeds");
        Self { random: seed, seeds, kept: Vec::new(), words, current: Vec::new(), begun: 0 }
    }

    /// Makes the next input. The seeds come first.
    pub(crate) fn next(&mut self) -> &[u8] {
        if let Some(seed) = self.seeds.get(self.begun) {
            self.begun += 1;
            self.current.clone_from(seed);
            return &self.current;
        }
        self.current = self.chosen();
        // Mostly a few changes, so that most of the input still makes sense; sometimes very many.
        let changes = match self.below(20) {
            0 => 64,
            many => 1 + many / 4,
        };
        for _ in 0..changes {
            self.change();
        }
        if self.below(200) == 0 {
            self.grow();
        }
        self.current.truncate(BYTES_MAX);
        if self.below(50) == 0 && self.current.len() < 1 << 16 {
            let kept = self.current.clone();
            if self.kept.len() < KEPT_MAX {
                self.kept.push(kept);
            } else {
                let place = self.below(KEPT_MAX);
                self.kept[place] = kept;
            }
        }
        &self.current
    }

    fn chosen(&mut self) -> Vec<u8> {
        let place = self.below(self.seeds.len() * 2 + self.kept.len());
        match place.checked_sub(self.seeds.len() * 2) {
            Some(place) => self.kept[place].clone(),
            None => self.seeds[place / 2].clone(),
        }
    }

    fn number(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`; 0 if that is 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % bound.max(1) as u64).unwrap()
    }

    /// Returns a stretch of `length` bytes at most that lies within `within`.
    fn stretch(&mut self, within: usize, length: usize) -> std::ops::Range<usize> {
        let start = self.below(within + 1);
        let end = (start + self.below(length + 1)).min(within);
        start..end
    }

    fn change(&mut self) {
        let length = self.current.len();
        let place = self.below(length + 1);
        match self.below(11) {
            0 if place < length => self.current[place] ^= 1 << self.below(8),
            1 if place < length => self.current[place] = BYTES[self.below(BYTES.len())],
            0..=2 => {
                let byte = BYTES[self.below(BYTES.len())];
                self.current.insert(place, byte);
            }
            3 | 4 => {
                let longest = if self.below(2) == 0 { 16 } else { length / 2 };
                let removed = self.stretch(length, longest);
                self.current.drain(removed);
            }
            5 => {
                let copied = self.stretch(length, 64);
                let copied = self.current[copied].to_vec();
                self.current.splice(place..place, copied);
            }
            6 => {
                let other = self.chosen();
                let part = self.stretch(other.len(), 256);
                self.current.splice(place..place, other[part].iter().copied());
            }
            7 => self.swap_lines(),
            8 => {
                const NUMBERS: &[&str] = &[
                    "0",
                    "-1",
                    "1e400",
                    "9223372036854775808",
                    "18446744073709551616",
                    "1.5",
                    "00",
                    "99999999999999999999999",
                ];
                let number = NUMBERS[self.below(NUMBERS.len())];
                let replaced = place..(place + self.below(3)).min(length);
                self.current.splice(replaced, number.bytes());
            }
            _ => {
                let word = self.words[self.below(self.words.len())];
                self.current.splice(place..place, word.bytes());
            }
        }
    }

    fn swap_lines(&mut self) {
        let mut lines: Vec<&[u8]> = self.current.split_inclusive(|byte| *byte == b'\n').collect();
        if lines.len() > 1 {
            let (mut mixed, count) = (self.random, lines.len() as u64);
            let mut place = || {
                mixed = mixed.wrapping_mul(0x94d0_49bb_1331_11eb).wrapping_add(1);
                usize::try_from((mixed >> 20) % count).unwrap()
            };
            lines.swap(place(), place());
            self.current = lines.concat();
        }
    }

    /// Repeats a stretch until the input is as long as it may be, or close to another bound.
    fn grow(&mut self) {
        let length = self.current.len();
        let part = match self.below(3) {
            0 => self.stretch(length, 2),
            1 => self.stretch(length, 64),
            _ => 0..length,
        };
        let repeated = self.current[part.clone()].to_vec();
        if repeated.is_empty() {
            return;
        }
        let most = [1 << 12, 1 << 16, BYTES_MAX][self.below(3)];
        let times = most.saturating_sub(length) / repeated.len();
        self.current.splice(part.end..part.end, repeated.repeat(times));
    }
}
