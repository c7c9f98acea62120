//! Sums of floats without rounding.
//!
//! A sum that is rounded at each step depends on the order of its parts, and the order in which
//! records are met depends on the plan. So nothing is rounded until the end: every finite float
//! is a whole number of 2^-1074, and whole numbers add up the same in any order.
//!
//! ```text
//! wide    34 words of 64 bits, two's complement, the lowest bit worth 2^-1074:
//!         2,098 bits for the greatest float and room for 2^77 of them
//! window  128 bits of the same number around the first value met, where nearly all sums stay
//! ```

/// Words of a wide sum.
const WORDS: usize = 34;
/// The place of the bit that is worth 1.
const ONE: u32 = 1074;
/// Where a window begins whose sum, divided by any count, is a normal float.
const PLAIN: std::ops::Range<u32> = 256..1900;
/// The window begins so many places below the first value.
const BELOW: u32 = 32;

/// The sum of finite floats, or of integers, exactly.
#[derive(Debug, Clone, Default)]
pub(super) struct ExactSum {
    window: i128,
    /// The place of the window's lowest bit.
    base: Option<u32>,
    /// What did not fit the window.
    wide: Option<Box<Wide>>,
}

type Wide = [u64; WORDS];

impl ExactSum {
    /// A sum that is a whole number.
    pub(super) fn of_integer(sum: i128) -> ExactSum {
        ExactSum {
            window: sum,
            base: Some(ONE),
            wide: None,
        }
    }

    /// Adds a finite float.
    #[inline]
    pub(super) fn add(&mut self, number: f64) {
        let bits = number.to_bits();
        let exponent = (bits >> 52) as u32 & 0x7FF;
        let fraction = bits & ((1 << 52) - 1);
        // A subnormal has the exponent of the least normal one, and no leading one.
        let (digits, place) = match exponent {
            0 => (fraction, 0),
            _ => (fraction | 1 << 52, exponent - 1),
        };
        if digits == 0 {
            // Its place says nothing of the others'.
            return;
        }
        let digits = match bits >> 63 {
            0 => i128::from(digits),
            _ => -i128::from(digits),
        };
        let base = *self.base.get_or_insert(place.saturating_sub(BELOW));
        let shift = place.wrapping_sub(base);
        if shift < 64 {
            if let Some(sum) = self.window.checked_add(digits << shift) {
                self.window = sum;
                return;
            }
        }
        self.add_wide(digits, place);
    }

    #[cold]
    fn add_wide(&mut self, digits: i128, place: u32) {
        let wide = self.wide.get_or_insert_with(|| Box::new([0; WORDS]));
        add_at(wide, digits, place);
        // What is in the window goes too, so that it has room again.
        add_at(wide, self.window, self.base.unwrap_or(place));
        self.window = 0;
    }

    /// The sum divided by a number above 0, rounded once to the nearest float, ties to even;
    /// `None` where that is beyond every float.
    pub(super) fn divided_by(&self, count: u64) -> Option<f64> {
        match (&self.wide, self.base) {
            (None, Some(base)) if PLAIN.contains(&base) => Some(self.divide_window(base, count)),
            _ => self.divide_wide(count),
        }
    }

    /// [`ExactSum::divided_by`] where all is in the window and no result can be too great or too
    /// small for a normal float.
    fn divide_window(&self, base: u32, count: u64) -> f64 {
        let magnitude = self.window.unsigned_abs();
        if magnitude == 0 {
            return 0.0;
        }
        let shift = magnitude.leading_zeros();
        let (scaled, count) = (magnitude << shift, u128::from(count));
        // The quotient has 63 digits at least; one below the last that counts says whether more
        // follow.
        let quotient = (scaled / count) | u128::from(scaled % count != 0);
        let unit = f64::from_bits(u64::from(base - shift + 1023 - ONE) << 52);
        let rounded = quotient as f64 * unit;
        if self.window < 0 { -rounded } else { rounded }
    }

    fn divide_wide(&self, count: u64) -> Option<f64> {
        let mut sum = self.wide.as_deref().copied().unwrap_or([0; WORDS]);
        add_at(&mut sum, self.window, self.base.unwrap_or(0));
        let negative = sum.last().is_some_and(|word| word >> 63 == 1);
        if negative {
            negate(&mut sum);
        }
        let magnitude = nearest(&sum, count)?;
        Some(match negative && magnitude != 0.0 {
            true => -magnitude,
            false => magnitude,
        })
    }
}

/// Adds a number whose lowest bit stands at `place`.
fn add_at(sum: &mut Wide, number: i128, place: u32) {
    let (word, shift) = (place as usize / 64, place % 64);
    let sign = (number >> 127) as u64;
    let low = (number as u128) << shift;
    let high = match shift {
        0 => sign,
        _ => (number >> (128 - shift)) as u64,
    };
    let mut parts = [low as u64, (low >> 64) as u64, high].into_iter();
    let mut carry = false;
    for word in sum.iter_mut().skip(word) {
        let part = parts.next();
        // Behind the number stands its sign, which changes nothing once the carry is the same.
        if part.is_none() && carry == (sign != 0) {
            return;
        }
        let (with_part, first) = word.overflowing_add(part.unwrap_or(sign));
        let (with_carry, second) = with_part.overflowing_add(u64::from(carry));
        *word = with_carry;
        carry = first || second;
    }
}

fn negate(sum: &mut Wide) {
    let mut carry = true;
    for word in sum.iter_mut() {
        let (negated, more) = (!*word).overflowing_add(u64::from(carry));
        *word = negated;
        carry = more;
    }
}

/// The float nearest to a magnitude divided by `count`; `None` where that is beyond every float.
fn nearest(magnitude: &Wide, count: u64) -> Option<f64> {
    // One word more below, so that the quotient has its rounding bits in every case.
    let mut quotient = [0u64; WORDS + 1];
    let mut remainder = 0u128;
    let words = magnitude.iter().copied().rev().chain([0]);
    for (word, to) in words.zip(quotient.iter_mut().rev()) {
        let part = remainder << 64 | u128::from(word);
        *to = (part / u128::from(count)) as u64;
        remainder = part % u128::from(count);
    }
    let bit = |at: u32| {
        quotient
            .get(at as usize / 64)
            .is_some_and(|w| w >> (at % 64) & 1 == 1)
    };
    let Some(top) = quotient.iter().rposition(|word| *word != 0) else {
        return Some(0.0);
    };
    let leading = quotient.get(top).map_or(0, |word| word.leading_zeros());
    let top = top as u32 * 64 + 63 - leading;
    // A float has 53 digits, and none worth less than 2^-1074.
    let cut = top.saturating_sub(52).max(64);
    let digits = (cut..=top)
        .rev()
        .fold(0u64, |digits, at| digits << 1 | u64::from(bit(at)));
    let half = bit(cut - 1);
    let beyond_half = remainder != 0 || (0..cut - 1).any(bit);
    let up = half && (beyond_half || digits & 1 == 1);
    // A step of the exponent further it would be that of infinity, and then the sign.
    if cut - 64 > 2045 {
        return None;
    }
    // The digits of a normal float begin with a one that is worth one step of the exponent.
    let float = f64::from_bits((u64::from(cut - 64) << 52) + digits + u64::from(up));
    float.is_finite().then_some(float)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(numbers: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        numbers.iter().for_each(|number| sum.add(*number));
        sum
    }

    fn finite() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>().prop_filter("finite", |f| f.is_finite()),
            prop::sample::select(
                &[
                    0.0,
                    0.1,
                    1.0,
                    f64::MAX,
                    f64::MIN,
                    5e-324,
                    1e300,
                    -1e300,
                    1e16
                ][..]
            ),
        ]
    }

    #[test]
    fn a_sum_is_rounded_once() {
        for (numbers, count, expected) in [
            (&[][..], 1, Some(0.0)),
            (&[0.1, 0.2], 1, Some(0.1 + 0.2)),
            (&[0.1; 10], 1, Some(1.0)),
            (&[0.1; 10], 10, Some(0.1)),
            (&[1e300, 1.0, -1e300], 1, Some(1.0)),
            (&[1e300, 5e-324, -1e300], 1, Some(5e-324)),
            (&[f64::MAX, f64::MAX], 1, None),
            (&[f64::MAX, f64::MAX], 2, Some(f64::MAX)),
            (&[f64::MIN, f64::MIN], 1, None),
            (&[f64::MAX; 5], 1, None),
            (&[f64::MIN; 5000], 1, None),
            (&[f64::MAX; 5000], 5000, Some(f64::MAX)),
            (&[f64::MAX, f64::MAX, f64::MIN], 1, Some(f64::MAX)),
            (&[f64::MAX, 9.9e291], 1, Some(f64::MAX)),
            (&[f64::MAX, 9.98e291], 1, None),
            (&[5e-324, 5e-324], 2, Some(5e-324)),
            (&[5e-324], 2, Some(0.0)),
            (&[5e-324, 5e-324, 5e-324], 2, Some(1e-323)),
            (&[-5e-324], 3, Some(0.0)),
            (&[f64::MIN_POSITIVE], 2, Some(f64::MIN_POSITIVE / 2.0)),
            (&[9007199254740992.0, 1.0], 1, Some(9007199254740992.0)),
            (
                &[9007199254740992.0, 1.0, 5e-324],
                1,
                Some(9007199254740994.0),
            ),
            (&[1.0], 3, Some(1.0 / 3.0)),
            (&[-10.0], 3, Some(-10.0 / 3.0)),
        ] {
            assert_eq!(
                sum(numbers).divided_by(count),
                expected,
                "{numbers:?} / {count}"
            );
        }
        assert_eq!(sum(&[-5e-324]).divided_by(3).map(f64::to_bits), Some(0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn the_order_of_the_parts_says_nothing(numbers in prop::collection::vec(finite(), 0..40), count in 1u64..100) {
            let expected = sum(&numbers).divided_by(count).map(f64::to_bits);
            let mut sorted = numbers.clone();
            sorted.sort_by(f64::total_cmp);
            prop_assert_eq!(sum(&sorted).divided_by(count).map(f64::to_bits), expected);
            sorted.reverse();
            prop_assert_eq!(sum(&sorted).divided_by(count).map(f64::to_bits), expected);
            let opposite: Vec<f64> = numbers.iter().map(|n| -n).collect();
            let turned = sum(&opposite).divided_by(count).map(|f| if f == 0.0 { 0.0 } else { -f });
            prop_assert_eq!(turned.map(f64::to_bits), expected);
        }

        #[test]
        fn the_window_rounds_as_the_whole_does(
            numbers in prop::collection::vec(prop_oneof![-1e6..1e6, -1e-6..1e-6, -1e12..1e12], 1..20),
            count in prop_oneof![1u64..10, any::<u64>().prop_map(|n| n | 1)],
        ) {
            let sum = sum(&numbers);
            prop_assert_eq!(sum.divided_by(count), sum.divide_wide(count));
        }

        #[test]
        fn one_number_is_itself(number in finite()) {
            let number = if number == 0.0 { 0.0 } else { number };
            prop_assert_eq!(sum(&[number]).divided_by(1).map(f64::to_bits), Some(number.to_bits()));
        }

        #[test]
        fn whole_numbers_add_up_as_128_bits_say(numbers in prop::collection::vec(any::<i64>(), 1..40)) {
            let total: i128 = numbers.iter().map(|n| i128::from(*n)).sum();
            prop_assert_eq!(ExactSum::of_integer(total).divided_by(1), Some(total as f64));
            let floats: Vec<f64> = numbers.iter().map(|n| *n as f64).collect();
            let total: i128 = floats.iter().map(|f| *f as i128).sum();
            prop_assert_eq!(sum(&floats).divided_by(1), Some(total as f64));
        }

        #[test]
        fn no_float_lies_nearer_to_an_average(total in -(1i128 << 66)..1 << 66, count in 1u64..1000) {
            let found = ExactSum::of_integer(total).divided_by(count).unwrap();
            // Floats of this magnitude are whole numbers of 2^-46.
            prop_assume!(found.abs() >= 128.0);
            let distance = |float: f64| {
                let scaled = (float * (1u64 << 46) as f64) as i128;
                ((total << 46) - scaled * i128::from(count)).abs()
            };
            prop_assert!(distance(found) <= distance(found.next_up()));
            prop_assert!(distance(found) <= distance(found.next_down()));
        }
    }
}
