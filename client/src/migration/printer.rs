//! A migration as the text of its file.

use super::block::{BATCH, Block};
use crate::words::Words;

/// Words that begin a block or end one, where they begin a line.
pub(super) const KEYWORDS: [&str; 7] = ["up", "down", "table", "redis", "for", "end", "drop"];

/// The lines of blocks, each within a section.
pub(super) fn blocks(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks {
        match block {
            Block::Table {
                name,
                operations,
                drop_data,
            } => {
                text.push_str(&format!("  table {}\n", word(name)));
                for operation in operations {
                    text.push_str(&format!("    {}\n", line(operation)));
                }
                if *drop_data {
                    text.push_str("    drop data\n");
                }
            }
            Block::Redis(commands) => {
                text.push_str("  redis\n");
                for command in commands {
                    text.push_str(&format!("    {}\n", line(command)));
                }
            }
            Block::Each(each) => {
                text.push_str(&format!(
                    "  for each key matching {}",
                    quoted(&each.pattern)
                ));
                if let Some(kind) = &each.kind {
                    text.push_str(&format!(" type {}", word(kind.as_bytes())));
                }
                if each.batch != BATCH {
                    text.push_str(&format!(" batch {}", each.batch));
                }
                text.push('\n');
                for command in &each.commands {
                    text.push_str(&format!("    {}\n", line(command)));
                }
                text.push_str("  end\n");
            }
        }
    }
    text
}

/// A command or an operation; a first word that could be taken for one of the grammar stands in quotes.
pub(super) fn line(words: &Words) -> String {
    let mut all: Vec<String> = Vec::new();
    for (at, bytes) in words.iter().enumerate() {
        let keyword = |keyword: &&str| bytes.eq_ignore_ascii_case(keyword.as_bytes());
        let taken = at == 0 && (bytes.first() == Some(&b'#') || KEYWORDS.iter().any(keyword));
        all.push(if taken { quoted(bytes) } else { word(bytes) });
    }
    all.join(" ")
}

/// A word, in quotes where it needs them.
pub(super) fn word(bytes: &[u8]) -> String {
    let plain = |b: &u8| b.is_ascii_graphic() && !b"\"'\\".contains(b);
    match std::str::from_utf8(bytes) {
        Ok(text)
            if !bytes.is_empty() && bytes.first() != Some(&b'#') && bytes.iter().all(plain) =>
        {
            text.into()
        }
        _ => quoted(bytes),
    }
}

fn quoted(bytes: &[u8]) -> String {
    let printable = |char: char| char == ' ' || !(char.is_control() || char.is_whitespace());
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(['\'', '\\']) && text.chars().all(printable) => {
            format!("'{text}'")
        }
        _ => format!(
            "\"{}\"",
            bytes.escape_ascii().to_string().replace("\\'", "'")
        ),
    }
}
