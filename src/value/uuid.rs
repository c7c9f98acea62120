//! UUIDs: their text, and version 7 made from a clock and random bits (RFC 9562, section 5.7).

/// Bytes of a UUID's text with its four hyphens.
pub const TEXT_LEN: usize = 36;

/// Where the hyphens stand in the text.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Reads 8-4-4-4-12 or 32 hex digits of either case.
pub fn parse(token: &[u8]) -> Option<[u8; 16]> {
    let hyphenated = match token.len() {
        TEXT_LEN => true,
        32 => false,
        _ => return None,
    };
    let mut bytes = [0u8; 16];
    let mut digits = 0;
    for (at, &symbol) in token.iter().enumerate() {
        if hyphenated && HYPHENS.contains(&at) {
            if symbol != b'-' {
                return None;
            }
            continue;
        }
        let digit = (symbol as char).to_digit(16)? as u8;
        let byte = bytes.get_mut(digits / 2)?;
        *byte = *byte << 4 | digit;
        digits += 1;
    }
    Some(bytes)
}

/// Reads only the canonical form, lower case with hyphens: the text that [`text`] gives back.
pub fn parse_canonical(token: &[u8]) -> Option<[u8; 16]> {
    if token.len() != TEXT_LEN || token.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    parse(token)
}

/// Lower-case text, 8-4-4-4-12.
pub fn text(bytes: &[u8; 16]) -> [u8; TEXT_LEN] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    let mut text = [b'-'; TEXT_LEN];
    let mut at = 0;
    for &byte in bytes {
        if HYPHENS.contains(&at) {
            at += 1;
        }
        if let Some(pair) = text.get_mut(at..at + 2) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        at += 2;
    }
    text
}

/// A version 7 UUID: 48 bits of `now` in milliseconds, then the given random bits.
pub fn version7(now: i64, random: [u64; 2]) -> [u8; 16] {
    let time = u128::from(now.max(0) as u64 & 0xFFFF_FFFF_FFFF) << 80;
    let noise = (u128::from(random[0]) << 64 | u128::from(random[1])) & ((1 << 80) - 1);
    let mut bytes = (time | noise).to_be_bytes();
    bytes[6] = bytes[6] & 0x0F | 0x70;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_reads_back_the_same(bytes: [u8; 16]) {
            let text = text(&bytes);
            prop_assert_eq!(parse(&text), Some(bytes));
            prop_assert_eq!(parse_canonical(&text), Some(bytes));
            prop_assert_eq!(parse(&text.to_ascii_uppercase()), Some(bytes));
            let bare: Vec<u8> = text.iter().copied().filter(|b| *b != b'-').collect();
            prop_assert_eq!(parse(&bare), Some(bytes));
        }

        #[test]
        fn version_7_orders_by_time(a in 0i64..1 << 47, b in 0i64..1 << 47, x: [u64; 2], y: [u64; 2]) {
            let (first, second) = (version7(a, x), version7(b, y));
            if a != b {
                prop_assert_eq!(a.cmp(&b), first.cmp(&second));
            }
            prop_assert_eq!(first[6] >> 4, 7);
            prop_assert_eq!(first[8] >> 6, 2);
        }
    }

    #[test]
    fn misplaced_hyphens_are_refused() {
        assert_eq!(parse(b"123e4567e-89b-12d3-a456-426614174000"), None);
        assert_eq!(parse(b"123e4567-e89b-12d3-a456-42661417400"), None);
        assert_eq!(parse(b"g23e4567-e89b-12d3-a456-426614174000"), None);
        assert_eq!(
            parse_canonical(b"123E4567-e89b-12d3-a456-426614174000"),
            None
        );
    }
}
