//! Payloads and effects with damage in them: they are refused, or leave a sound table.

use crate::{
    able::{copy, needs},
    aof::{append_only_file, commands},
    cli::Client,
    line::repr,
    payload::resealed,
    reply::Reply,
    sample::{TABLES, fill, state},
    server::{Options, fresh},
};

/// Tables small enough to try every damage of their bytes.
fn small_tables() -> Client {
    let mut client = fresh();
    fill(&mut client);
    client.ok("YARR.DEL people WHERE id > 103");
    client
}

/// Restores each damaged body, sealed anew so that the module sees it, and says which were taken
/// though they are another table. (Redis compresses: a changed byte may say the same.)
fn taken(
    client: &mut Client,
    payload: &[u8],
    damaged: impl Iterator<Item = (String, Vec<u8>)>,
) -> Vec<String> {
    let mut taken = Vec::new();
    for (what, body) in damaged {
        let reply = client.send(&[
            b"RESTORE".as_slice(),
            b"forged",
            b"0",
            &resealed(&body, payload),
        ]);
        if !reply.is_error() {
            if client.ok("DUMP forged").bytes() != payload {
                taken.push(what);
            }
            client.ok("UNLINK forged");
        }
    }
    taken
}

/// The payload of a table without its seal.
fn body(payload: &[u8]) -> &[u8] {
    &payload[..payload.len() - 10]
}

#[test]
fn a_payload_cut_anywhere_is_refused() {
    needs!(FORGED_PAYLOADS);
    let mut client = small_tables();
    for table in TABLES {
        let payload = client.ok(&format!("DUMP {table}")).bytes().to_vec();
        assert_eq!(
            resealed(body(&payload), &payload),
            payload,
            "the seal is Redis's own"
        );
        let body = body(&payload);
        let cuts =
            (1..body.len()).map(|len| (format!("{table} cut at {len}"), body[..len].to_vec()));
        assert_eq!(taken(&mut client, &payload, cuts), Vec::<String>::new());
    }
}

#[test]
fn a_payload_with_a_flipped_bit_is_refused() {
    needs!(FORGED_PAYLOADS);
    let mut client = small_tables();
    for table in TABLES {
        let payload = client.ok(&format!("DUMP {table}")).bytes().to_vec();
        let body = body(&payload);
        // The first byte is Redis's own: the type of the value.
        let flips = (8..8 * body.len()).map(|bit| {
            let mut flipped = body.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            (
                format!(
                    "{table} with bit {} of byte {} of {} flipped",
                    bit % 8,
                    bit / 8,
                    body.len()
                ),
                flipped,
            )
        });
        assert_eq!(taken(&mut client, &payload, flips), Vec::<String>::new());
    }
}

#[test]
fn a_payload_of_an_encoding_that_is_not_known_is_refused() {
    needs!(FORGED_PAYLOADS);
    let mut client = small_tables();
    let payload = client.ok("DUMP people").bytes().to_vec();
    let mut later = body(&payload).to_vec();
    // The value's type, a mark, and 64 bits: the name of the module's type and, in the lowest ten, its version.
    assert_eq!(later[..2], [7, 0x81]);
    later[8] |= 3;
    later[9] = 0xff;
    let reply = client.send(&[
        b"RESTORE".as_slice(),
        b"forged",
        b"0",
        &resealed(&later, &payload),
    ]);
    assert!(reply.is_error(), "{}", reply.print());
}

#[test]
fn a_payload_with_bytes_of_another_is_refused() {
    needs!(FORGED_PAYLOADS);
    let mut client = small_tables();
    let mut payload = |table: &str| client.ok(&format!("DUMP {table}")).bytes().to_vec();
    let (payload, other) = (payload("people"), payload("jobs"));
    let (body, donor) = (body(&payload), body(&other));
    let mut damaged = Vec::new();
    for len in [1, 8, 64] {
        for place in (10..body.len() - len).step_by(7) {
            let from = place % (donor.len() - len);
            let graft = &donor[from..from + len];
            for (what, removed, graft) in [
                ("replaced", len, graft),
                ("inserted", 0, graft),
                ("removed", len, &[][..]),
            ] {
                let mut bytes = body.to_vec();
                bytes.splice(place..place + removed, graft.iter().copied());
                if bytes != body {
                    damaged.push((format!("{len} bytes {what} at {place}"), bytes));
                }
            }
        }
    }
    assert_eq!(
        taken(&mut client, &payload, damaged.into_iter()),
        Vec::<String>::new()
    );
}

#[test]
fn a_server_with_tables_in_it_refuses_effects_that_are_none() {
    let mut client = fresh();
    fill(&mut client);
    let before = state(&mut client, &TABLES);
    for payload in [
        &b""[..],
        b"x",
        b"\0",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        &[0; 100],
        &[1; 100],
        &[255; 1000],
    ] {
        for table in ["people", "none"] {
            let reply = client.send(&[b"YARR.APPLY".as_slice(), table.as_bytes(), payload]);
            assert!(reply.is_error(), "{payload:?}: {}", reply.print());
        }
    }
    assert_eq!(state(&mut client, &TABLES), before);
    assert_eq!(client.count("EXISTS none"), 0);
}

#[test]
fn damaged_effects_are_refused_or_leave_a_sound_table() {
    let server = Options::new()
        .appendonly(false)
        .set("appendfsync", "always")
        .start();
    let mut client = server.connect();
    fill(&mut client);
    let file = std::fs::read(append_only_file(server.folder.path())).expect("the file");
    let effects: Vec<_> = commands(&file)
        .into_iter()
        .filter(|words| words[0].eq_ignore_ascii_case(b"YARR.APPLY"))
        .collect();
    let (mut refused, mut unsound) = (0, Vec::new());
    for words in effects.iter().take(60) {
        let [name, table, bytes] = &words[..] else {
            panic!("YARR.APPLY has two arguments: {words:?}")
        };
        for place in 0..bytes.len().min(120) {
            for (damage, until) in [
                (1u8, bytes.len()),
                (0x80, bytes.len()),
                (0xff, bytes.len()),
                (0, place),
            ] {
                let mut damaged = bytes.clone();
                damaged[place] ^= damage;
                damaged.truncate(until);
                copy(&mut client, &String::from_utf8_lossy(table), "copy");
                match client.send(&[name.as_slice(), b"copy", &damaged]) {
                    Reply::Error(_) => refused += 1,
                    _ if is_sound(&mut client, "copy") => {}
                    _ => unsound.push(format!(
                        "{} {}",
                        String::from_utf8_lossy(table),
                        repr(&damaged)
                    )),
                }
            }
        }
    }
    assert!(
        unsound.is_empty(),
        "{} were taken and left a table that cannot be read again:\n{}",
        unsound.len(),
        unsound.join("\n")
    );
    assert!(refused > 0, "no effect was refused");
}

/// Whether a table's bytes can be read again, and say the same.
fn is_sound(client: &mut Client, table: &str) -> bool {
    let Reply::Bulk(payload) = client.ok(&format!("DUMP {table}")) else {
        return true;
    };
    let restored = client.send(&[b"RESTORE".as_slice(), b"again", b"0", &payload, b"REPLACE"]);
    restored.print() == "OK"
        && client.ok("YARR.WHERE again * ORDER BY id")
            == client.ok(&format!("YARR.WHERE {table} * ORDER BY id"))
}
