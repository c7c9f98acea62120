//! A client's session: each message of it goes to the session of PostgreSQL behind, and the answers come back.

use std::{io, net::Ipv4Addr};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Failure, PASSWORD, Shared,
    copy::{Copy, Refusal},
    load::{Column, LoadError, Rows},
    lock,
    message::Message,
    statement::{raise, rewrite},
};
use crate::{postgres, s3};

const CANCEL: i32 = 80_877_102;
const TLS: i32 = 80_877_103;
const GSS: i32 = 80_877_104;
/// How much is copied at once.
const CHUNK: usize = 1 << 16;

pub async fn serve(shared: &Shared, mut client: TcpStream) -> io::Result<()> {
    let hello = loop {
        let length = client.read_i32().await?;
        let mut rest = vec![0; usize::try_from(length - 4).map_err(io::Error::other)?];
        client.read_exact(&mut rest).await?;
        let code = rest
            .first_chunk()
            .map_or(0, |code| i32::from_be_bytes(*code));
        let hello = [&length.to_be_bytes()[..], &rest].concat();
        match code {
            // Neither is spoken here.
            TLS | GSS => client.write_all(b"N").await?,
            CANCEL => {
                let mut backend = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.backend)).await?;
                return backend.write_all(&hello).await;
            }
            _ => break hello,
        }
    };
    if *lock(&shared.hashed) {
        // AUTH_REQ_DIGEST: salt and rounds follow.
        let asked = [&13_i32.to_be_bytes()[..], &[0; 12]].concat();
        client.write_all(&Message::new(b'R', asked).bytes()).await?;
        return Ok(());
    }
    client
        .write_all(&Message::new(b'R', 3_i32.to_be_bytes()).bytes())
        .await?;
    let given = Message::read(&mut client).await?;
    if given.body != format!("{PASSWORD}\0").as_bytes() {
        let refused = Message::error(
            "28P01",
            "password authentication failed for user \"postgres\"",
            "",
        );
        return client.write_all(&refused.bytes()).await;
    }
    let mut backend = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.backend)).await?;
    backend.set_nodelay(true)?;
    backend.write_all(&hello).await?;
    let mut session = Session {
        shared,
        client,
        backend,
        process: 0,
        status: b'I',
    };
    session.relay(None).await?;
    session.run().await
}

struct Session<'a> {
    shared: &'a Shared,
    client: TcpStream,
    backend: TcpStream,
    /// The id of PostgreSQL's process.
    process: i32,
    /// `I` outside of a transaction, `T` in one, `E` in one that failed.
    status: u8,
}

impl Session<'_> {
    async fn run(&mut self) -> io::Result<()> {
        let mut held = Vec::new();
        let mut unsure = None;
        loop {
            let message = Message::read(&mut self.client).await?;
            match message.tag {
                b'Q' => {
                    let sql = text(&message.body).to_string();
                    self.query(&sql).await?;
                }
                b'P' => {
                    let end = message.body.iter().position(|byte| *byte == 0).unwrap_or(0) + 1;
                    let (name, rest) = message.body.split_at(end);
                    let sql = text(rest);
                    let after = rest.get(sql.len()..).unwrap_or_default();
                    let (sql, failure) = self.told(sql)?;
                    unsure = unsure.or(failure);
                    Message::new(b'P', [name, sql.as_bytes(), after].concat())
                        .write_into(&mut held);
                }
                b'S' => {
                    message.write_into(&mut held);
                    self.backend.write_all(&std::mem::take(&mut held)).await?;
                    self.relay(unsure.take()).await?;
                }
                b'X' => return self.backend.write_all(&message.bytes()).await,
                _ => message.write_into(&mut held),
            }
        }
    }

    /// The statements as they go to PostgreSQL, with what they were told to meet.
    fn told(&mut self, sql: &str) -> io::Result<(String, Option<Failure>)> {
        let rewritten = rewrite(sql, self.status != b'I');
        Ok(match self.shared.failure(sql) {
            Some(Failure::Gone) => return Err(io::Error::other("gone")),
            Some(Failure::Conflict) => {
                let detail = "Serializable isolation violation on table - 108642, transactions forming the cycle are: 2001, 2002 (pid:4711)";
                (raise("XX000", "1023", detail), None)
            }
            Some(Failure::Refused) => (raise("XX000", "refused as it was told to", ""), None),
            other => (rewritten, other),
        })
    }

    async fn query(&mut self, sql: &str) -> io::Result<()> {
        let copied = match Copy::parse(sql) {
            Some(Ok(copy)) => Ok(copy),
            Some(Err(refusal)) => Err(refusal),
            None => {
                let (sql, failure) = self.told(sql)?;
                self.backend
                    .write_all(&Message::query(&sql).bytes())
                    .await?;
                return self.relay(failure).await;
            }
        };
        let failure = self.shared.failure(sql);
        let prepared = match (copied, failure) {
            (_, Some(Failure::Conflict | Failure::Refused)) => Err((
                "XX000",
                "1023".into(),
                "Serializable isolation violation on table".into(),
            )),
            (Ok(copy), _) => files(&copy, self.shared).map(|files| (copy, files)),
            (Err(refusal), _) => Err(refusal),
        };
        match prepared {
            Ok((copy, files)) => self.copy(&copy, files, failure).await,
            Err((code, message, detail)) => {
                let raised = Message::query(&raise(code, &message, &detail));
                self.backend.write_all(&raised.bytes()).await?;
                self.relay(None).await
            }
        }
    }

    /// Hands on what PostgreSQL answers until it is ready again.
    async fn relay(&mut self, failure: Option<Failure>) -> io::Result<()> {
        let mut out = Vec::new();
        loop {
            let message = Message::read(&mut self.backend).await?;
            match message.tag {
                b'K' => {
                    self.process = message
                        .body
                        .first_chunk()
                        .map_or(0, |id| i32::from_be_bytes(*id))
                }
                b'Z' => self.status = message.body.first().copied().unwrap_or(b'I'),
                _ => {}
            }
            let ready = message.tag == b'Z';
            let fatal = message.tag == b'E' && self.process == 0;
            match message.field(b'C').as_deref() {
                Some("40001") if message.tag == b'E' => {
                    let detail = "Serializable isolation violation on table in Redshift";
                    Message::error("XX000", "1023", detail).write_into(&mut out);
                }
                _ => message.write_into(&mut out),
            }
            if ready || fatal || out.len() >= CHUNK {
                if ready && failure == Some(Failure::Unsure) {
                    return Err(io::Error::other("gone"));
                }
                self.client.write_all(&std::mem::take(&mut out)).await?;
            }
            if ready || fatal {
                return Ok(());
            }
        }
    }

    /// Asks PostgreSQL something of our own; `None` where it refuses, and the client has been told.
    async fn ask(&mut self, sql: &str) -> io::Result<Option<Vec<Vec<Option<String>>>>> {
        self.backend.write_all(&Message::query(sql).bytes()).await?;
        let (mut rows, mut refused) = (Vec::new(), None);
        loop {
            let message = Message::read(&mut self.backend).await?;
            match message.tag {
                b'D' => rows.push(message.values()),
                b'E' => refused = Some(message),
                b'Z' => {
                    if let Some(refused) = refused {
                        self.answer(&[refused, message]).await?;
                        return Ok(None);
                    }
                    return Ok(Some(rows));
                }
                _ => {}
            }
        }
    }

    async fn answer(&mut self, messages: &[Message]) -> io::Result<()> {
        let mut out = Vec::new();
        for message in messages {
            if message.tag == b'Z' {
                self.status = message.body.first().copied().unwrap_or(b'I');
            }
            message.write_into(&mut out);
        }
        self.client.write_all(&out).await
    }

    async fn copy(
        &mut self,
        copy: &Copy,
        files: Vec<String>,
        failure: Option<Failure>,
    ) -> io::Result<()> {
        let table = copy.table.replace('\'', "''");
        let Some(found) = self
            .ask(&format!(
                "SELECT attname, format_type(atttypid, NULL), atttypmod - 4 FROM pg_attribute
                WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
            ))
            .await?
        else {
            return Ok(());
        };
        let column = |row: Vec<Option<String>>| {
            let mut values = row.into_iter();
            let mut next = || values.next().flatten().unwrap_or_default();
            let (name, kind, length) = (next(), next(), next());
            let length = kind
                .starts_with("character")
                .then(|| length.parse().ok())
                .flatten();
            Column { name, kind, length }
        };
        let all: Vec<Column> = found.into_iter().map(column).collect();
        let named = copy
            .columns
            .iter()
            .filter_map(|name| all.iter().find(|column| column.name == *name));
        let columns: Vec<Column> = match copy.columns.is_empty() {
            true => all.clone(),
            false => named.cloned().collect(),
        };
        let names: Vec<String> = match copy.columns.is_empty() {
            true => columns.iter().map(|column| column.name.clone()).collect(),
            false => copy.columns.clone(),
        };
        let names: Vec<String> = names
            .iter()
            .map(|name| format!("\"{}\"", name.replace('"', "\"\"")))
            .collect();
        let mut target = copy.table.clone();
        if copy.dry {
            target = "redshift_dry".into();
            let dry = format!("CREATE TEMP TABLE {target} (LIKE {})", copy.table);
            if self.ask(&dry).await?.is_none() {
                return Ok(());
            }
        }
        let begin = format!("COPY {target} ({}) FROM STDIN", names.join(", "));
        self.backend
            .write_all(&Message::query(&begin).bytes())
            .await?;
        let first = Message::read(&mut self.backend).await?;
        if first.tag != b'G' {
            let ready = Message::read(&mut self.backend).await?;
            return self.answer(&[first, ready]).await;
        }
        let mut rows = Rows::new(copy, &columns, &self.shared.folder, files);
        let refused = self.send(&mut rows, failure).await?;
        let mut end = self.finish().await?;
        let error = match (refused, end.iter().find(|message| message.tag == b'E')) {
            (Some(error), _) => Some(error),
            (None, Some(error)) => Some(conversion(error, &rows, &columns)),
            (None, None) => None,
        };
        let count = rows.count();
        if copy.dry && error.is_none() && self.ask("DROP TABLE redshift_dry").await?.is_none() {
            return Ok(());
        }
        match error {
            Some(error) => {
                self.note(&error);
                let place = "Check 'sys_load_error_detail' system table for details.";
                let message = format!("Load into table '{}' failed.  {place}", copy.table);
                end.retain(|message| message.tag == b'Z');
                end.insert(0, Message::error("XX000", &message, ""));
            }
            None => {
                let done = format!(
                    "Load into table '{}' completed, {count} record(s) loaded successfully.",
                    copy.table
                );
                let body = format!("SINFO\0C00000\0M{done}\0\0");
                end.retain(|message| message.tag == b'Z');
                end.insert(0, Message::new(b'C', "COPY\0"));
                end.insert(0, Message::new(b'N', body));
            }
        }
        if failure == Some(Failure::Unsure) {
            return Err(io::Error::other("gone"));
        }
        self.answer(&end).await
    }

    /// Sends all rows, and what ends them; answers why one is not to be loaded.
    async fn send(
        &mut self,
        rows: &mut Rows<'_>,
        failure: Option<Failure>,
    ) -> io::Result<Option<LoadError>> {
        let mut chunk = Vec::new();
        loop {
            let more = match rows.next(&mut chunk) {
                Ok(more) => more,
                Err(error) => {
                    self.backend
                        .write_all(&Message::new(b'f', "refused\0").bytes())
                        .await?;
                    return Ok(Some(error));
                }
            };
            if failure == Some(Failure::Gone) && rows.count() > 0 {
                self.backend
                    .write_all(&Message::new(b'd', chunk).bytes())
                    .await?;
                return Err(io::Error::other("gone"));
            }
            if chunk.len() >= CHUNK || !more {
                let data = Message::new(b'd', std::mem::take(&mut chunk));
                self.backend.write_all(&data.bytes()).await?;
            }
            if !more {
                self.backend
                    .write_all(&Message::new(b'c', []).bytes())
                    .await?;
                return Ok(None);
            }
        }
    }

    /// What PostgreSQL answers until it is ready.
    async fn finish(&mut self) -> io::Result<Vec<Message>> {
        let mut messages = Vec::new();
        loop {
            let message = Message::read(&mut self.backend).await?;
            let ready = message.tag == b'Z';
            messages.push(message);
            if ready {
                return Ok(messages);
            }
        }
    }

    /// Keeps a load error, past the end of the transaction.
    fn note(&self, error: &LoadError) {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "''");
        let sql = format!(
            "INSERT INTO redshift.sys_load_error_detail
                (session_id, file_name, line_number, column_name, column_type, error_code, error_message)
            VALUES ({}, 's3://{}/{}', {}, '{}', left('{}', 10), {}, '{}')",
            self.process,
            self.shared.bucket,
            quoted(&error.file),
            error.line,
            quoted(&error.column),
            quoted(&error.kind),
            error.code,
            quoted(&error.reason)
        );
        let _ = postgres::query(&self.shared.url, &sql);
    }
}

/// The files that a COPY loads, or why it may not.
fn files(copy: &Copy, shared: &Shared) -> Result<Vec<String>, Refusal> {
    let key = copy.admit(shared)?;
    if !copy.manifest {
        let mut keys = s3::keys(&shared.folder);
        keys.retain(|found| found.starts_with(&key));
        return Ok(keys);
    }
    let refuse = |message: String| ("XX000", message, String::new());
    let problem = |message: &str| refuse(format!("Problem reading manifest file - {message}"));
    let missing = "S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey";
    let bytes = s3::read(&shared.folder, &key).ok_or_else(|| problem(missing))?;
    let manifest: Value =
        serde_json::from_slice(&bytes).map_err(|error| problem(&error.to_string()))?;
    let entries = manifest.get("entries").and_then(Value::as_array);
    let entries = entries.ok_or_else(|| problem("Missing field entries"))?;
    let mut keys = Vec::new();
    for entry in entries {
        let url = entry.get("url").and_then(Value::as_str).unwrap_or_default();
        let key = url.strip_prefix(&format!("s3://{}/", shared.bucket));
        let key = key.ok_or_else(|| problem("Invalid url"))?;
        match (s3::read(&shared.folder, key), entry.get("mandatory")) {
            (None, Some(Value::Bool(true))) => {
                let message = format!("The specified S3 prefix '{key}' does not exist");
                return Err(refuse(message));
            }
            (None, _) => {}
            (Some(_), _) => keys.push(key.to_string()),
        }
    }
    Ok(keys)
}

/// A value that PostgreSQL could not take, as Redshift tells of it: `COPY t, line 3, column n: "x"`.
fn conversion(error: &Message, rows: &Rows<'_>, columns: &[Column]) -> LoadError {
    let context = error.field(b'W').unwrap_or_default();
    let after = |word: &str| context.split_once(word).map_or("", |(_, rest)| rest);
    let digits: String = after(", line ")
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let (file, line) = rows.place(digits.parse().unwrap_or(0));
    let (column, value) = after(", column ").split_once(": ").unwrap_or_default();
    let kind = columns.iter().find(|found| found.name == column);
    let kind = kind.map(|found| found.kind.clone()).unwrap_or_default();
    let first = value.trim_matches('"').chars().next().unwrap_or(' ');
    let message = error.field(b'M').unwrap_or_default();
    let (code, reason) = match (kind.as_str(), column) {
        (_, "") => (1213, message),
        ("bigint" | "integer" | "smallint", _) => (
            1207,
            format!("Invalid digit, Value '{first}', Pos 0, Type: Integer"),
        ),
        ("double precision" | "real" | "numeric", _) => (
            1207,
            format!("Invalid digit, Value '{first}', Pos 0, Type: Double"),
        ),
        ("boolean", _) => (1210, "Unknown boolean format".into()),
        _ => (1206, message),
    };
    LoadError {
        file,
        line,
        column: column.into(),
        kind,
        code,
        reason,
    }
}

/// A text that a zero ends.
fn text(bytes: &[u8]) -> &str {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..end]).unwrap_or_default()
}
