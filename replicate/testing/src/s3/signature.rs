//! AWS Signature Version 4, as a server checks it.

use hyper::{HeaderMap, Method, Uri};
use ring::{digest, hmac};

use super::{KEY, REGION, SECRET, request::decode};

/// Why a request is not let in: S3's code and message.
pub type Refusal = (&'static str, &'static str);

const MISSING: Refusal = ("AccessDenied", "Access Denied.");
const UNKNOWN: Refusal = (
    "InvalidAccessKeyId",
    "The AWS Access Key Id you provided does not exist in our records.",
);
const WRONG: Refusal = (
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
);
const REGIONAL: Refusal = (
    "AuthorizationHeaderMalformed",
    "The authorization header is malformed; the region is wrong.",
);
const CHANGED: Refusal = (
    "XAmzContentSHA256Mismatch",
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
);

/// Sees that a request is signed with the secret, and that its body is what was signed.
pub fn check(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let given = header("authorization").ok_or(MISSING)?;
    let given = given.strip_prefix("AWS4-HMAC-SHA256 ").ok_or(MISSING)?;
    let part = |name: &str| {
        let mut parts = given.split(',').map(str::trim);
        parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    };
    let credential: Vec<&str> = part("Credential").ok_or(MISSING)?.split('/').collect();
    let [key, day, region, service, "aws4_request"] = credential[..] else {
        return Err(MISSING);
    };
    if key != KEY {
        return Err(UNKNOWN);
    }
    if region != REGION || service != "s3" {
        return Err(REGIONAL);
    }
    let signed = part("SignedHeaders").ok_or(MISSING)?;
    let content = header("x-amz-content-sha256").ok_or(MISSING)?;
    let moment = header("x-amz-date").ok_or(MISSING)?;

    let words = uri.query().into_iter().flat_map(|query| query.split('&'));
    let mut query: Vec<String> = words
        .map(|word| word.split_once('=').unwrap_or((word, "")))
        .map(|(name, value)| format!("{}={}", canonical_word(name), canonical_word(value)))
        .collect();
    query.sort_unstable();
    let mut canonical = format!("{method}\n{}\n{}\n", uri.path(), query.join("&"));
    for name in signed.split(';') {
        canonical.push_str(&format!("{name}:{}\n", header(name).unwrap_or("").trim()));
    }
    canonical.push_str(&format!("\n{signed}\n{content}"));
    let text = format!(
        "AWS4-HMAC-SHA256\n{moment}\n{day}/{region}/s3/aws4_request\n{}",
        hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
    );
    let mut signing = mac(format!("AWS4{SECRET}").as_bytes(), day);
    for step in [region, "s3", "aws4_request"] {
        signing = mac(&signing, step);
    }
    if Some(&*hex(&mac(&signing, &text))) != part("Signature") {
        return Err(WRONG);
    }
    let sum = hex(digest::digest(&digest::SHA256, body).as_ref());
    match content == "UNSIGNED-PAYLOAD" || content == sum {
        true => Ok(()),
        false => Err(CHANGED),
    }
}

/// A word of a query as it is signed: a blank, which may have come as `+`, is `%20`.
fn canonical_word(word: &str) -> String {
    let encode = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    decode(word).bytes().map(encode).collect()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
