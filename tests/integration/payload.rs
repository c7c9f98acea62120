//! The seal of a DUMP payload: two bytes of RDB version and a CRC64, which Redis checks before the module sees anything.

/// A body with the version of another payload and a checksum of its own.
pub fn resealed(body: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut sealed = body.to_vec();
    let footer = &payload[payload.len() - 10..];
    sealed.extend_from_slice(&footer[..2]);
    sealed.extend_from_slice(&crc64(&sealed).to_le_bytes());
    sealed
}

/// CRC-64 as Redis computes it: Jones's polynomial, reflected, from zero.
fn crc64(bytes: &[u8]) -> u64 {
    const REFLECTED: u64 = 0x95ac_9329_ac4b_c9b5;
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u64::from(*byte), |crc, _| {
            (crc >> 1) ^ (REFLECTED & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn the_checksum_is_that_of_redis() {
    assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
}
