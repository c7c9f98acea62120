//! Servers that lack functions which the module looks for: copies of the module that look for
//! others in their place, so that they are not found.

use std::{
    fs::Permissions,
    ops::Range,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{
    able::{GUARDED_LOADING, able},
    cli::Client,
    reply::Reply,
    sample::{TABLES, dumps, fill, state},
    server::{Options, Server, eventually, fresh, module_path},
};

/// What calls a module, what it calls first, and what it says with that it does not load.
const ALWAYS: [&str; 3] = [
    "RedisModule_OnLoad",
    "RedisModule_SetModuleAttribs",
    "RedisModule_Log",
];

/// A server without the module, that loads one while it runs.
fn server() -> Server {
    let options = Options::new();
    let options = match able(GUARDED_LOADING) {
        true => options.set("enable-module-command", "yes"),
        false => options,
    };
    options.start_plain()
}

/// The module's bytes, and where in them stand the names of functions that it looks for.
struct Original {
    bytes: Vec<u8>,
    names: Vec<Range<usize>>,
}

impl Original {
    fn read() -> Original {
        const START: &[u8] = b"RedisModule_";
        let bytes = std::fs::read(module_path()).expect("the module");
        let mut from = 0;
        let mut names = Vec::new();
        // A name is a string that begins so: those are few, the file is long.
        for string in bytes.split(|byte| *byte == 0) {
            let name = from..from + string.len();
            if string.starts_with(START) {
                names.push(name.clone());
            }
            from = name.end + 1;
        }
        Original { bytes, names }
    }

    /// A copy that finds only those functions.
    fn copy(&self, server: &Server, file: &str, found: impl Fn(&str) -> bool) -> PathBuf {
        let mut bytes = self.bytes.clone();
        for name in &self.names {
            let is_found = std::str::from_utf8(&bytes[name.clone()]).is_ok_and(&found);
            if !is_found {
                bytes[name.start] = b'-';
            }
        }
        let path = server.folder.path().join(file);
        std::fs::write(&path, bytes).expect("a copy of the module");
        // Newer servers load no file that cannot be executed.
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("its owner may");
        path
    }
}

fn load(client: &mut Client, module: &Path) -> String {
    client
        .run(&format!("MODULE LOAD {}", module.display()))
        .print()
}

/// What the module says of this in the server's log.
fn complaints(server: &Server) -> Vec<String> {
    let log = server.log();
    let said = log
        .lines()
        .filter_map(|line| line.split_once("YARR does not load: "));
    said.map(|(_, reason)| reason.to_string()).collect()
}

/// The functions that the module cannot do without, as it names them itself.
fn needed(server: &Server, original: &Original) -> Vec<String> {
    let nothing = original.copy(server, "nothing.so", |name| ALWAYS.contains(&name));
    assert!(load(&mut server.connect(), &nothing).starts_with("(error)"));
    let complaints = complaints(server);
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    let list = complaints[0].strip_prefix("this server has no ");
    let (list, rest) = list.and_then(|list| list.split_once(';')).expect("a list");
    assert!(rest.contains("Redis 4.0"), "{rest}");
    list.split(", ").map(String::from).collect()
}

#[test]
fn a_server_that_lacks_a_function_refuses_the_module_in_one_line_and_goes_on() {
    let server = server();
    let original = Original::read();
    let needed = needed(&server, &original);
    let mut client = server.connect();
    for (count, lacking) in needed.iter().enumerate() {
        let module = original.copy(&server, &format!("{lacking}.so"), |name| name != lacking);
        assert!(
            load(&mut client, &module).starts_with("(error)"),
            "{lacking}"
        );
        let complaints = complaints(&server);
        assert_eq!(complaints.len(), count + 2, "{complaints:?}");
        let last = &complaints[count + 1];
        assert!(
            last.starts_with(&format!("this server has no {lacking};")),
            "{last}"
        );
    }
    client.ok("SET k v");
    assert_eq!(load(&mut client, &module_path()), "OK");
    fill(&mut client);
}

#[test]
fn what_a_server_need_not_have_is_done_another_way() {
    let server = server();
    let original = Original::read();
    let needed = needed(&server, &original);
    let poor = original.copy(&server, "poor.so", |name| {
        ALWAYS.contains(&name) || needed.iter().any(|needed| needed == name)
    });
    let mut client = server.connect();
    assert_eq!(load(&mut client, &poor), "OK", "{}", server.log());
    fill(&mut client);
    let query = "YARR.WHERE people age >= 0 ORDER BY age DESC id PLUCK id name city";
    let mut whole = fresh();
    fill(&mut whole);
    assert_eq!(client.ok(query), whole.ok(query));
    let (before, bytes) = (state(&mut client, &TABLES), dumps(&mut client, &TABLES));
    for table in TABLES {
        let payload = client.ok(&format!("DUMP {table}")).bytes().to_vec();
        let restored = client.send(&[b"RESTORE", table.as_bytes(), b"0", &payload, b"REPLACE"]);
        assert_eq!(restored.print(), "OK");
    }
    assert_eq!(state(&mut client, &TABLES), before);
    assert_eq!(dumps(&mut client, &TABLES), bytes);
    client.ok("YARR.CREATE people name gone PX 1");
    eventually("it expires", || {
        client.list("YARR.WHERE people name = gone IDS").is_empty()
    });
    client.ok("YARR.UPDATE people 1 TOUCH");
    let info = client.ok("YARR.INFO people");
    assert_eq!(
        info.get("expired").map(Reply::number),
        Some(0),
        "a write reclaims"
    );
}
