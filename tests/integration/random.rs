//! Random numbers for tests: the same seed gives the same run.

/// The generator of Vigna's "splitmix64".
pub struct Random(u64);

impl Random {
    /// A generator seeded from the environment's `YARR_SEED`, else with this number.
    pub fn seeded(otherwise: u64) -> (Random, u64) {
        let seed = std::env::var("YARR_SEED")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(otherwise);
        (Random(seed), seed)
    }

    /// A generator with this seed.
    pub fn from(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.bits() % end as u64).expect("below a usize")
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}
