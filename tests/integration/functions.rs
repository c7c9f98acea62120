//! Functions and scripts with flags: what they may do to a table, and what stays of it.

use crate::{
    able::needs,
    cli::Client,
    replication::pair,
    reply::Reply,
    server::{Options, Server, eventually},
    transcript::transcript,
};

const LIBRARY: &str = "#!lua name=app\n\
    redis.register_function('claim', function(keys, args)\n\
      return redis.call('YARR.UPDATE', keys[1], 'WHERE', 'state', '=', 'ready', 'LIMIT', 1,\n\
                        'SET', 'state', 'running', 'RETURN', 'id')\n\
    end)\n\
    redis.register_function{function_name='ready', callback=function(keys, args)\n\
      return redis.call('YARR.WHERE', keys[1], 'state', '=', 'ready', 'COUNT')\n\
    end, flags={'no-writes'}}\n\
    redis.register_function{function_name='sneak', callback=function(keys, args)\n\
      return redis.call('YARR.DEL', keys[1], 'WHERE', '*')\n\
    end, flags={'no-writes'}}\n\
    redis.register_function('fails', function(keys, args)\n\
      redis.call('YARR.CREATE', keys[1], 'state', 'ready')\n\
      return redis.call('YARR.CREATE', keys[1], 'state', args[1])\n\
    end)\n\
    redis.register_function('caught', function(keys, args)\n\
      local reply = redis.pcall('YARR.CREATE', keys[1], 'state', args[1])\n\
      return reply.err and {err = reply.err} or reply\n\
    end)";

fn library(client: &mut Client) {
    let words: [&[u8]; 4] = [b"FUNCTION", b"LOAD", b"REPLACE", LIBRARY.as_bytes()];
    assert_eq!(client.send(&words).text(), "app");
}

fn table(client: &mut Client) {
    client.ok("YARR.MIGRATE t UP 1 make ADD FIELD state ENUM ( ready running ) NOT NULL DEFAULT ready BITMAP TIMESTAMPS OFF");
    client.ok("YARR.CREATE t FIELDS 1 state VALUES ready ready running");
}

#[test]
fn functions_read_and_write_tables() {
    needs!(FUNCTIONS);
    let server = Server::start();
    let mut client = server.connect();
    library(&mut client);
    table(&mut client);
    transcript(
        &mut client,
        r#"
        > FCALL claim 1 t
        1) 1) "id"
           2) "1"
        > FCALL ready 1 t
        (integer) 1
        > FCALL_RO ready 1 t
        (integer) 1
        > FCALL_RO claim 1 t
        (error) ...
        > FCALL sneak 1 t
        (error) ...
        > FCALL fails 1 t nonsense
        (error) BADVALUE ...
        > FCALL caught 1 t nonsense
        (error) BADVALUE ...
        > FCALL caught 1 none ready
        (error) NOTABLE ...
        > YARR.WHERE t * ORDER BY id PLUCK state
        1) "running"
        2) "ready"
        3) "running"
        4) "ready"
        > MULTI
        OK
        > FCALL claim 1 t
        QUEUED
        > FCALL claim 1 t
        QUEUED
        > FCALL claim 1 t
        QUEUED
        > EXEC
        1) 1) 1) "id"
              2) "2"
        2) 1) 1) "id"
              2) "4"
        3) (empty array)
        "#,
    );
}

#[test]
fn what_a_function_wrote_is_on_the_replica_and_in_the_file() {
    needs!(FUNCTIONS);
    let (mut primary, replica) = pair(Options::new().appendonly(false));
    let mut client = primary.connect();
    library(&mut client);
    table(&mut client);
    for line in [
        "FCALL claim 1 t",
        "FCALL fails 1 t nonsense",
        "FCALL caught 1 t running",
    ] {
        client.run(line);
    }
    let dump = client.ok("DUMP t");
    let mut reader = replica.connect();
    eventually("the replica has it all", || reader.run("DUMP t") == dump);
    assert_eq!(reader.count("FCALL_RO ready 1 t"), 2);
    assert_eq!(reader.run("FCALL claim 1 t").code(), "READONLY");
    primary.restart();
    let mut client = primary.connect();
    assert_eq!(client.ok("DUMP t"), dump);
    assert_eq!(client.count("FCALL ready 1 t"), 2);
}

#[test]
fn a_script_that_says_what_it_does_is_held_to_it() {
    needs!(SCRIPT_FLAGS);
    let server = Options::new().set("maxmemory-policy", "noeviction").start();
    let mut client = server.connect();
    table(&mut client);
    let mut eval = |flags: &str, code: &str| {
        let script = format!("#!lua flags={flags}\n{code}");
        let words: [&[u8]; 4] = [b"EVAL", script.as_bytes(), b"1", b"t"];
        client.send(&words)
    };
    let read = "return redis.call('YARR.WHERE', KEYS[1], '*', 'COUNT')";
    let write = "return redis.call('YARR.CREATE', KEYS[1])";
    assert_eq!(eval("no-writes", read).print(), "(integer) 3");
    assert!(eval("no-writes", write).is_error());
    let mut admin = server.connect();
    admin.ok("CONFIG SET maxmemory 1");
    assert_eq!(eval("no-writes", read).print(), "(integer) 3");
    assert!(eval("", write).text().contains("OOM"));
    assert_eq!(eval("allow-oom", write).print(), "\"4\"");
    admin.ok("CONFIG SET maxmemory 0");
    assert_eq!(admin.count("YARR.WHERE t * COUNT"), 4);
}

#[test]
fn a_script_of_many_writes_is_whole_on_the_replica() {
    needs!(WRITING_SCRIPTS);
    let (primary, replica) = pair(Options::new());
    let (mut client, mut reader) = (primary.connect(), replica.connect());
    table(&mut client);
    eventually("the replica has the table", || {
        reader.run("EXISTS t") == Reply::Integer(1)
    });
    let script = "for i = 1, 500 do \
                    local id = redis.call('YARR.CREATE', KEYS[1], 'state', 'ready'); \
                    if i % 3 == 0 then redis.call('YARR.UPDATE', KEYS[1], id, 'SET', 'state', 'running') end; \
                    if i % 7 == 0 then redis.call('YARR.DEL', KEYS[1], id) end; \
                    redis.pcall('YARR.CREATE', KEYS[1], 'state', 'nonsense') \
                  end; \
                  return redis.call('YARR.WHERE', KEYS[1], '*', 'COUNT')";
    let words: [&[u8]; 4] = [b"EVAL", script.as_bytes(), b"1", b"t"];
    assert_eq!(client.send(&words).print(), "(integer) 432");
    let dump = client.ok("DUMP t");
    eventually("the replica has it all", || reader.run("DUMP t") == dump);
}
