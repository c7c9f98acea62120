//! Numbers that follow Zipf's law: a few of them come often, most of them hardly ever.
//!
//! The method is that of Gray and others, "Quickly generating billion-record synthetic databases" (1994), as YCSB has it.

/// How uneven: the constant of YCSB.
const THETA: f64 = 0.99;
/// YCSB draws from so many and folds them onto the keys there are ...
const MANY: f64 = 1e10;
/// ... of which this is the sum of 1 / i^theta.
const ZETA_OF_MANY: f64 = 26.469_028_201_783_02;

/// Draws from 0 to n - 1, the smaller the likelier.
#[derive(Clone, Copy, Debug)]
pub struct Zipf {
    n: f64,
    zeta: f64,
    eta: f64,
}

impl Zipf {
    pub fn new(n: usize) -> Zipf {
        Zipf::with(n as f64, (1..=n).map(|i| (i as f64).powf(-THETA)).sum())
    }

    fn with(n: f64, zeta: f64) -> Zipf {
        let zeta_of_2 = 1.0 + 0.5_f64.powf(THETA);
        let eta = (1.0 - (2.0 / n).powf(1.0 - THETA)) / (1.0 - zeta_of_2 / zeta);
        Zipf { n, zeta, eta }
    }

    /// By a number drawn evenly from 0 to 1, 1 excluded.
    pub fn draw(self, even: f64) -> u64 {
        let scaled = even * self.zeta;
        if scaled < 1.0 {
            return 0;
        }
        if scaled < 1.0 + 0.5_f64.powf(THETA) {
            return 1;
        }
        let drawn = self.n * (self.eta * even - self.eta + 1.0).powf(1.0 / (1.0 - THETA));
        (drawn as u64).min(self.n as u64 - 1)
    }
}

/// Draws from 0 to n - 1; those that come often lie all over.
#[derive(Clone, Copy, Debug)]
pub struct Scrambled {
    zipf: Zipf,
    n: u64,
}

impl Scrambled {
    pub fn new(n: usize) -> Scrambled {
        Scrambled {
            zipf: Zipf::with(MANY, ZETA_OF_MANY),
            n: n as u64,
        }
    }

    /// By a number drawn evenly from 0 to 1, 1 excluded.
    pub fn draw(self, even: f64) -> u64 {
        hash(self.zipf.draw(even)) % self.n
    }
}

/// FNV-1 over the eight bytes, as YCSB has it.
pub fn hash(number: u64) -> u64 {
    let bytes = number.to_le_bytes().into_iter();
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    // Java's long has a sign, of which YCSB takes the absolute value.
    (hash as i64).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `draws` numbers between 0 and 1, evenly apart.
    fn evenly(draws: usize) -> impl Iterator<Item = f64> {
        (0..draws).map(move |i| (i as f64 + 0.5) / draws as f64)
    }

    #[test]
    fn the_first_come_as_often_as_the_law_says() {
        let zipf = Zipf::new(1000);
        let mut met = vec![0_u32; 1000];
        evenly(1_000_000).for_each(|even| met[zipf.draw(even) as usize] += 1);
        let share = |i: usize| f64::from(met[i]) / 1e6 * zipf.zeta;
        assert!((share(0) - 1.0).abs() < 0.01, "{}", share(0));
        assert!(
            (share(1) - 0.5_f64.powf(THETA)).abs() < 0.01,
            "{}",
            share(1)
        );
        let tenth: f64 = (0..100).map(share).sum();
        let law: f64 = (1..=100).map(|i| f64::from(i).powf(-THETA)).sum();
        assert!((tenth - law).abs() < 0.05 * law, "{tenth} {law}");
        assert!(met.iter().all(|&times| times > 0));
    }

    #[test]
    fn the_sum_over_many_is_the_sum() {
        // 1 / i^theta summed from a million on is all but the integral.
        let first: f64 = (1..=1_000_000).map(|i| f64::from(i).powf(-THETA)).sum();
        let rest = (MANY.powf(1.0 - THETA) - 1e6_f64.powf(1.0 - THETA)) / (1.0 - THETA);
        assert!(
            (first + rest - ZETA_OF_MANY).abs() < 0.001,
            "{}",
            first + rest
        );
    }

    #[test]
    fn the_scrambled_stay_within_and_apart() {
        let scrambled = Scrambled::new(1000);
        let mut met = vec![0_u32; 1000];
        evenly(100_000).for_each(|even| met[scrambled.draw(even) as usize] += 1);
        let most = met.iter().max().expect("some");
        // One in zeta of all draws is the likeliest number.
        assert!(f64::from(*most) > 100_000.0 / ZETA_OF_MANY, "{most}");
        assert_ne!((hash(0) + 1) % 1000, hash(1) % 1000);
    }
}
