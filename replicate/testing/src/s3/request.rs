//! What is asked of the server, and what it answers.

use std::io;

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
    body::{Bytes, Incoming},
};

use super::{Fault, Shared, bucket, signature};

type Answer = Response<Full<Bytes>>;

/// What there is in place of the times of objects.
const THEN: (&str, &str) = ("2020-05-04T00:00:00.000Z", "Mon, 04 May 2020 00:00:00 GMT");

/// Serves a request; an error closes the connection.
pub async fn serve(shared: &Shared, asked: Request<Incoming>) -> io::Result<Answer> {
    let (head, body) = asked.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let line = format!("{} {}", head.method, head.uri);
    let fault = shared.fault(&line);
    match fault {
        Some(Fault::Closed) => return Err(io::Error::other("closed")),
        Some(Fault::SlowDown) => {
            return Ok(refuse(503, "SlowDown", "Please reduce your request rate."));
        }
        Some(Fault::Denied) => return Ok(refuse(403, "AccessDenied", "Access Denied.")),
        Some(Fault::Full) => {
            let message = "Storage backend has reached its minimum free drive threshold.";
            return Ok(refuse(507, "XMinioStorageFull", message));
        }
        Some(Fault::Unsure) | None => {}
    }
    if let Err((code, message)) = signature::check(&head.method, &head.uri, &head.headers, &body) {
        return Ok(refuse(403, code, message));
    }
    let answer = carry_out(shared, &head.method, &head.uri, &head.headers, &body);
    let answer = answer.unwrap_or_else(|error| refuse(500, "InternalError", &error.to_string()));
    Ok(match fault {
        Some(_) => refuse(500, "InternalError", "We encountered an internal error."),
        None => answer,
    })
}

fn carry_out(
    shared: &Shared,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> io::Result<Answer> {
    let folder = &shared.folder;
    let path = decode(&uri.path().replace('+', "%2B"));
    let path = path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    if bucket != shared.bucket {
        return Ok(refuse(
            404,
            "NoSuchBucket",
            "The specified bucket does not exist",
        ));
    }
    let query = Query::of(uri);
    let upload = query.get("uploadId");
    Ok(match (method.as_str(), upload) {
        ("GET", None) if key.is_empty() => list(shared, &query),
        ("GET" | "HEAD", None) => match bucket::read(folder, key) {
            Some(bytes) => object(bytes, headers),
            None => refuse(404, "NoSuchKey", "The specified key does not exist."),
        },
        ("PUT", None) => {
            let anew = headers
                .get("if-none-match")
                .is_some_and(|value| value == "*");
            if anew && bucket::read(folder, key).is_some() {
                return Ok(unmet());
            }
            let found = bucket::read(folder, key).map(|bytes| tag(&bytes));
            let wanted = headers.get("if-match").and_then(|tag| tag.to_str().ok());
            if wanted.is_some_and(|wanted| found.as_deref() != Some(wanted)) {
                return Ok(unmet());
            }
            bucket::write(folder, key, body)?;
            empty(200)
        }
        ("DELETE", None) => {
            bucket::remove(folder, key)?;
            empty(204)
        }
        ("POST", None) if query.get("delete").is_some() => {
            let text = String::from_utf8_lossy(body);
            let mut deleted = String::new();
            for key in elements(&text, "Key") {
                bucket::remove(folder, &unescape(key))?;
                deleted.push_str(&format!("<Deleted><Key>{key}</Key></Deleted>"));
            }
            xml(200, &format!("<DeleteResult>{deleted}</DeleteResult>"))
        }
        ("POST", None) if query.get("uploads").is_some() => {
            let upload = format!(
                "{:x}",
                std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .map_err(io::Error::other)?
                    .as_nanos()
            );
            xml(
                200,
                &format!(
                    "<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
                ),
            )
        }
        ("PUT", Some(upload)) => {
            let number = query
                .get("partNumber")
                .and_then(|number| number.parse().ok());
            bucket::write_part(folder, upload, number.unwrap_or(0), body)?;
            empty(200)
        }
        ("POST", Some(upload)) => {
            let text = String::from_utf8_lossy(body);
            let numbers = elements(&text, "PartNumber");
            let numbers: Vec<u32> = numbers.filter_map(|number| number.parse().ok()).collect();
            bucket::complete(folder, upload, key, &numbers)?;
            xml(
                200,
                "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>",
            )
        }
        ("DELETE", Some(upload)) => {
            bucket::abort(folder, upload);
            empty(204)
        }
        _ => refuse(
            501,
            "NotImplemented",
            "This is none of what a replication asks.",
        ),
    })
}

/// An object, or the range of it that is asked for.
fn object(bytes: Vec<u8>, headers: &HeaderMap) -> Answer {
    let length = bytes.len();
    let mut answer = Response::builder()
        .header("last-modified", THEN.1)
        .header("etag", tag(&bytes));
    let range = headers.get("range").and_then(|range| range.to_str().ok());
    let range = range.and_then(|range| range.strip_prefix("bytes="));
    let range = range
        .and_then(|range| range.split_once('-'))
        .map(|(from, to)| {
            let from = from.parse().unwrap_or(0).min(length);
            (
                from,
                to.parse()
                    .map_or(length, |to: usize| to + 1)
                    .clamp(from, length),
            )
        });
    let bytes = Bytes::from(bytes);
    let bytes = match range {
        Some((from, to)) => {
            let content = format!("bytes {from}-{}/{length}", to.saturating_sub(1));
            answer = answer.status(206).header("content-range", content);
            bytes.slice(from..to)
        }
        None => bytes,
    };
    answer.body(Full::new(bytes)).expect("an answer")
}

/// Keys after a key and under a prefix, so many at a time.
fn list(shared: &Shared, query: &Query) -> Answer {
    let prefix = query.get("prefix").unwrap_or("");
    let after = query
        .get("continuation-token")
        .or(query.get("start-after"))
        .unwrap_or("");
    let most = query
        .get("max-keys")
        .and_then(|most| most.parse().ok())
        .unwrap_or(1000);
    let mut keys = bucket::keys(&shared.folder);
    keys.retain(|key| key.starts_with(prefix) && key.as_str() > after);
    let mut folders = Vec::new();
    if query.get("delimiter").is_some() {
        keys.retain(|key| {
            let rest = key.strip_prefix(prefix).unwrap_or_default();
            let folder = rest.split_once('/').map(|(folder, _)| folder);
            folders.extend(folder.map(|folder| format!("{prefix}{folder}/")));
            folder.is_none()
        });
        folders.dedup();
    }
    let more = keys.len() > most;
    keys.truncate(most);
    let mut text = format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>");
    if let (true, Some(last)) = (more, keys.last()) {
        text.push_str(&format!(
            "<NextContinuationToken>{}</NextContinuationToken>",
            escape(last)
        ));
    }
    for folder in &folders {
        let folder = escape(folder);
        text.push_str(&format!(
            "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"
        ));
    }
    for key in &keys {
        let size = bucket::read(&shared.folder, key).map_or(0, |bytes| bytes.len());
        let (key, then) = (escape(key), THEN.0);
        text.push_str(&format!("<Contents><Key>{key}</Key><LastModified>{then}</LastModified><ETag>\"{size}\"</ETag><Size>{size}</Size></Contents>"));
    }
    xml(200, &format!("{text}</ListBucketResult>"))
}

/// The words after `?`, decoded.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(uri: &Uri) -> Query {
        let words = uri.query().unwrap_or("").split('&');
        Query(
            words
                .map(|word| word.split_once('=').unwrap_or((word, "")))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(found, _)| found == name)?;
        Some(&found.1)
    }
}

/// What stands between `<name>` and `</name>`, every time.
fn elements<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let from = rest.find(&open)? + open.len();
        let length = rest.get(from..)?.find(&close)?;
        let found = rest.get(from..from + length);
        rest = rest.get(from + length..)?;
        found
    })
}

/// A text without its escapes; `+` is a blank, as queries have it.
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || {
                    char::from(rest.next().unwrap_or(b'0'))
                        .to_digit(16)
                        .unwrap_or(0)
                };
                (digit() * 16 + digit()) as u8
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

const ESCAPES: [(&str, &str); 4] = [
    ("&", "&amp;"),
    ("<", "&lt;"),
    (">", "&gt;"),
    ("\"", "&quot;"),
];

fn escape(text: &str) -> String {
    ESCAPES
        .iter()
        .fold(text.into(), |text: String, (sign, name)| {
            text.replace(sign, name)
        })
}

fn unescape(text: &str) -> String {
    ESCAPES
        .iter()
        .rev()
        .fold(text.into(), |text: String, (sign, name)| {
            text.replace(name, sign)
        })
}

fn xml(status: u16, text: &str) -> Answer {
    let status = StatusCode::from_u16(status).expect("a status");
    let bytes = Bytes::from(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{text}"));
    let answer = Response::builder()
        .status(status)
        .header("content-type", "application/xml");
    answer.body(Full::new(bytes)).expect("an answer")
}

fn refuse(status: u16, code: &str, message: &str) -> Answer {
    xml(
        status,
        &format!(
            "<Error><Code>{code}</Code><Message>{}</Message></Error>",
            escape(message)
        ),
    )
}

/// What tells an object's content from another.
fn tag(bytes: &[u8]) -> String {
    let sum = ring::digest::digest(&ring::digest::SHA256, bytes);
    let digits = sum
        .as_ref()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"));
    format!("\"{}\"", digits.collect::<String>())
}

fn unmet() -> Answer {
    let message = "At least one of the pre-conditions you specified did not hold";
    refuse(412, "PreconditionFailed", message)
}

fn empty(status: u16) -> Answer {
    let answer = Response::builder()
        .status(status)
        .header("etag", "\"part\"");
    answer.body(Full::default()).expect("an answer")
}
