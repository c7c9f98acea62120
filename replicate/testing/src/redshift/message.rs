//! Messages of the PostgreSQL protocol, version 3: a byte that says what, four of the length with themselves, the rest.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// A message: what it is, and what is in it.
pub struct Message {
    pub tag: u8,
    pub body: Vec<u8>,
}

impl Message {
    pub fn new(tag: u8, body: impl Into<Vec<u8>>) -> Message {
        let body = body.into();
        Message { tag, body }
    }

    pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Message> {
        let tag = from.read_u8().await?;
        let length = usize::try_from(from.read_i32().await? - 4).map_err(io::Error::other)?;
        let mut body = vec![0; length];
        from.read_exact(&mut body).await?;
        Ok(Message { tag, body })
    }

    pub fn write_into(&self, out: &mut Vec<u8>) {
        let length = i32::try_from(self.body.len() + 4).expect("a message is short");
        out.push(self.tag);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&self.body);
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.body.len() + 5);
        self.write_into(&mut bytes);
        bytes
    }

    /// Statements as a client sends them.
    pub fn query(sql: &str) -> Message {
        Message::new(b'Q', format!("{sql}\0"))
    }

    /// An error, or by another tag a notice.
    pub fn error(code: &str, message: &str, detail: &str) -> Message {
        let detail = match detail {
            "" => String::new(),
            detail => format!("D{detail}\0"),
        };
        let body = format!("SERROR\0VERROR\0C{code}\0M{message}\0{detail}\0");
        Message::new(b'E', body)
    }

    /// A field of an error, `M` its message and `W` where it was.
    pub fn field(&self, name: u8) -> Option<String> {
        let fields = self.body.split(|byte| *byte == 0);
        let found = fields.filter_map(|field| field.split_first());
        let mut found = found.filter(|(found, _)| **found == name);
        let (_, value) = found.next()?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// The values of a row.
    pub fn values(&self) -> Vec<Option<String>> {
        let mut values = Vec::new();
        let mut rest = self.body.get(2..).unwrap_or_default();
        while let Some((length, more)) = rest.split_first_chunk::<4>() {
            match usize::try_from(i32::from_be_bytes(*length)) {
                Ok(length) => {
                    let (value, after) = more.split_at(length.min(more.len()));
                    values.push(Some(String::from_utf8_lossy(value).into_owned()));
                    rest = after;
                }
                Err(_) => {
                    values.push(None);
                    rest = more;
                }
            }
        }
        values
    }
}
