//! Sums that are rounded once, in integers of any length.
//!
//! Every number is a whole number of 2^-1074. A sum of such numbers, divided by a count, is rounded
//! to the nearest float, of two that are as near to the even one.

use num_bigint::{BigInt, BigUint, Sign};

/// The place of the bit that is worth 1.
const ONE: u32 = 1074;

/// A sum of numbers.
#[derive(Default)]
pub struct Sum {
    units: BigInt,
    /// How many numbers there are.
    pub count: u64,
    /// Whether one of them was a float.
    pub float: bool,
}

impl Sum {
    /// Adds an integer.
    pub fn add_integer(&mut self, number: i64) {
        self.units += BigInt::from(number) << ONE;
        self.count += 1;
    }

    /// Adds a finite float.
    pub fn add_float(&mut self, number: f64) {
        let bits = number.to_bits();
        let exponent = (bits >> 52) & 0x7FF;
        let fraction = bits & ((1 << 52) - 1);
        let units = match exponent {
            0 => BigInt::from(fraction),
            _ => BigInt::from(fraction | 1 << 52) << (exponent - 1),
        };
        match number.is_sign_negative() {
            true => self.units -= units,
            false => self.units += units,
        }
        self.count += 1;
        self.float = true;
    }

    /// The sum, which must be whole, where it fits 64 bits.
    pub fn integer(&self) -> Option<i64> {
        i64::try_from(&self.units >> ONE).ok()
    }

    /// The float nearest to the sum divided by a number; none where that is no finite one.
    pub fn divided_by(&self, by: u64) -> Option<f64> {
        let magnitude = nearest(self.units.magnitude(), by)?;
        Some(match (self.units.sign(), magnitude == 0.0) {
            (Sign::Minus, false) => -magnitude,
            _ => magnitude,
        })
    }
}

fn nearest(units: &BigUint, by: u64) -> Option<f64> {
    let (quotient, rest) = (units / by, units % by);
    let exponent = quotient.bits().saturating_sub(53);
    let digits = u64::try_from(&quotient >> exponent).ok()?;
    // Twice what is cut off, beside the whole of which it is a part.
    let whole = BigUint::from(by) << exponent;
    let cut = ((&quotient - (BigUint::from(digits) << exponent)) * by + rest) << 1;
    let up = cut > whole || cut == whole && digits % 2 == 1;
    // The bits of positive floats count them: a carry goes into the exponent.
    // The greatest float has 2,098 bits.
    if exponent > 2045 {
        return None;
    }
    let float = f64::from_bits((exponent << 52) + digits + u64::from(up));
    float.is_finite().then_some(float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(numbers: &[f64], by: u64) -> Option<f64> {
        let mut sum = Sum::default();
        numbers.iter().for_each(|number| sum.add_float(*number));
        sum.divided_by(by)
    }

    #[test]
    fn a_sum_is_rounded_once() {
        assert_eq!(mean(&[0.1; 10], 1), Some(1.0));
        assert_eq!(mean(&[1e300, 1.0, -1e300], 1), Some(1.0));
        assert_eq!(mean(&[f64::MAX, f64::MAX], 1), None);
        assert_eq!(mean(&[f64::MAX; 5], 1), None);
        assert_eq!(mean(&[f64::MIN; 5000], 1), None);
        assert_eq!(mean(&[f64::MAX, f64::MAX], 2), Some(f64::MAX));
        assert_eq!(mean(&[5e-324, 5e-324], 1), Some(1e-323));
        assert_eq!(mean(&[5e-324], 2), Some(0.0));
        assert_eq!(mean(&[1.5e-323], 2), Some(1e-323));
        assert_eq!(mean(&[-1.0], 3), Some(-1.0 / 3.0));
        let tie = 9_007_199_254_740_992.0;
        assert_eq!(mean(&[tie, 1.0], 1), Some(tie));
        assert_eq!(mean(&[tie, 1.0, 5e-324], 1), Some(tie + 2.0));
        assert_eq!(mean(&[tie + 2.0, 1.0], 1), Some(tie + 4.0));
        assert_eq!(mean(&[f64::MIN_POSITIVE], 1), Some(f64::MIN_POSITIVE));
        let mut sum = Sum::default();
        sum.add_integer(i64::MAX);
        sum.add_integer(1);
        assert_eq!(sum.integer(), None);
        sum.add_integer(-1);
        assert_eq!(sum.integer(), Some(i64::MAX));
    }
}
