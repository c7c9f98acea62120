//! Tables that use every feature, and all that a client can see of them.

use crate::{cli::Client, line::repr, reply::Reply};

/// The keys that [`fill`] makes.
pub const TABLES: [&str; 6] = ["people", "jobs", "words", "hollow", "labels", "parcels"];

/// Makes the tables, with records that were changed, deleted, and written under several schemas.
pub fn fill(client: &mut Client) {
    for line in [
        "YARR.MIGRATE people UP 1 make ADD FIELD name STRING NOT NULL INDEX ADD FIELD age INTEGER INDEX ADD FIELD score FLOAT INDEX \
         ADD FIELD member BOOLEAN BITMAP ADD FIELD joined DATETIME INDEX ADD FIELD token UUID UNIQUE \
         ADD FIELD status ENUM ( new active gone ) DEFAULT new BITMAP ADD FIELD old STRING ADD INDEX status age",
        "YARR.CREATE people name ann age 30 score 0.1 member true joined 2013-01-01T10:00:00Z token e4eaaaf2-d142-11e1-b3e4-080027620cdd old x",
        "YARR.CREATE people name \"b\\x00\\xff b\" age -5 score -1e300 member 0 joined -1 status gone old \"\"",
        "YARR.CREATE people id 100 name carl",
        "YARR.CREATE people NULL ~ FIELDS 4 name age score status VALUES d 1 1 active e ~ 2 gone f 3 ~ ~ g 4 4 active h 9223372036854775807 5e-324 new",
        "YARR.MIGRATE people UP 2 more ADD FIELD city STRING DEFAULT 'New York' INDEX ADD FIELD rank INTEGER REMOVE FIELD old DROP DATA",
        "YARR.CREATE people name i city Paris rank 1 PXAT 9999999999999",
        "YARR.UPDATE people 1 SET age 31 rank 2 UNSET member",
        "YARR.UPDATE people WHERE status = active INCR age 10 SET city Oslo",
        "YARR.DEL people 103",
        "YARR.MIGRATE people UP 3 name RENAME FIELD rank TO place ADD INDEX place city",
        "YARR.UPDATE people 2 INCR place 7",
        "YARR.MIGRATE jobs UP 10 make ID UUID ADD FIELD state ENUM ( ready running done ) NOT NULL DEFAULT ready BITMAP ADD FIELD priority INTEGER \
         SET TTL 1000000 PASSIVE ADD INDEX state priority",
        "YARR.CREATE jobs FIELDS 2 state priority VALUES ready 1 ready 2 running 3 done 4",
        "YARR.UPDATE jobs WHERE state = ready ORDER BY priority DESC LIMIT 1 SET state running",
        "YARR.CREATE jobs id 00000000-0000-0000-0000-000000000001 priority 9 PERSIST",
        "YARR.MIGRATE words UP 1 make ID STRING ADD FIELD n INTEGER TIMESTAMPS OFF",
        "YARR.CREATE words id \"\\x00\\xff\\r\\n\" n 1",
        "YARR.CREATE words id \"\" n 2",
        "YARR.MIGRATE words UP 2 up ADD INDEX n",
        "YARR.MIGRATE words UP 3 unique ADD INDEX n UNIQUE",
        "YARR.MIGRATE words UP 4 extra ADD FIELD extra STRING",
        "YARR.MIGRATE words DOWN 4 DROP DATA",
        "YARR.MIGRATE hollow UP 7 make ADD FIELD a INTEGER",
        "YARR.MIGRATE hollow DOWN 7",
        "YARR.MIGRATE labels UP 1 make ADD FIELD n INTEGER INDEX ADD FIELD tags TAGS BITMAP DEFAULT 2 b a ADD FIELD more TAGS",
        "YARR.CREATE labels n 1",
        "YARR.CREATE labels tags 3 red \"\\x00\\xff\" red more 0",
        "YARR.CREATE labels NULL ~ FIELDS 2 tags n VALUES 0 1 ~ 2 2 red blue 3 1 \"\" 4",
        "YARR.UPDATE labels WHERE tags CONTAINS red ADD tags 1 warm",
        "YARR.UPDATE labels WHERE tags CONTAINS ALL 2 red blue REMOVE tags 1 blue",
        "YARR.UPDATE labels 1 SET tags 1 a ADD more 2 y x",
        "YARR.DEL labels 4",
        "YARR.MIGRATE parcels UP 1 make ID STRING ADD FIELD n INTEGER INDEX",
        "YARR.CREATE parcels FIELDS 2 id n VALUES old 1 older 2 \"\\x00\" 3",
        "YARR.MIGRATE parcels UP 2 feed CHANGES ON",
        "YARR.CREATE parcels FIELDS 2 id n VALUES a 1 b 2 c 3 d 4 e 5",
        "YARR.UPDATE parcels old SET n 7",
        "YARR.DEL parcels WHERE n BETWEEN 3 AND 4",
        "YARR.CREATE parcels id c n 30",
        "YARR.UPDATE parcels e EXAT 1",
        "YARR.MIGRATE parcels UP 3 more ADD FIELD more STRING DEFAULT x",
        "YARR.UPDATE parcels WHERE n > 6 INCR n 1",
    ] {
        let reply = client.run(line);
        // A second index on the same field is refused; the others are not.
        assert!(
            !reply.is_error() || line.contains("UP 3 unique"),
            "{line}\n{}",
            reply.print()
        );
    }
    let values: Vec<String> = (0..300)
        .map(|n| format!("many{n} {} {}", n % 17, f64::from(n) / 8.0))
        .collect();
    client.ok(&format!(
        "YARR.CREATE people FIELDS 3 name age score VALUES {}",
        values.join(" ")
    ));
    client.ok("YARR.DEL people WHERE age = 16");
    let epoch = client.ok("YARR.CHANGES parcels").items()[0].text();
    client.ok(&format!("YARR.ACK parcels far {epoch} 8"));
    client.ok(&format!("YARR.ACK parcels near {epoch} 12"));
}

/// Everything a client can see of the tables that stand under these keys.
#[track_caller]
pub fn state(client: &mut Client, tables: &[&str]) -> String {
    tables
        .iter()
        .map(|table| format!("{}\n", table_state(client, table)))
        .collect()
}

#[track_caller]
fn table_state(client: &mut Client, table: &str) -> String {
    if client.count(&format!("EXISTS {table}")) == 0 {
        return format!("{table} is not there");
    }
    let mut lines = Vec::new();
    let mut ask = |line: String| {
        let reply = client.run(&line);
        // An error's text may name the key, which a rename changes.
        let shown = if reply.is_error() {
            reply.code()
        } else {
            reply.print()
        };
        lines.push(format!("> {line}\n{shown}"));
        reply
    };
    let schema = ask(format!("YARR.SCHEMA {table}"));
    ask(format!("YARR.SCHEMA {table} VERSION"));
    ask(format!("YARR.SCHEMA {table} HISTORY"));
    let records = ask(format!("YARR.WHERE {table} * ORDER BY id RETURN *"));
    if schema.print().contains("CHANGES ON") {
        let page = ask(format!(
            "YARR.CHANGES {table} LIMIT 1000 RETURN n change_number"
        ));
        let epoch = page.items()[0].text();
        ask(format!("YARR.CHANGES {table} LIMIT 2 PACKED"));
        ask(format!(
            "YARR.CHANGES {table} SINCE {epoch} 8 LIMIT 1000 RETURN *"
        ));
        ask(format!("YARR.CHANGES {table} SINCE {epoch} 9 UPTO 11"));
        ask(format!(
            "YARR.WHERE {table} change_number > 0 ORDER BY change_number DESC IDS"
        ));
    }
    if schema.print().contains("TAGS") {
        for asked in [
            "CONTAINS a",
            "CONTAINS ANY 2 warm \"\"",
            "CONTAINS ALL 2 red warm",
            "IS NULL",
            "IS NOT NULL",
        ] {
            ask(format!("YARR.WHERE {table} tags {asked} ORDER BY id IDS"));
        }
    }
    ask(format!("YARR.WHERE {table} * ORDER BY id PLUCK expires_at"));
    // The indexes say the same as the records.
    let served = [
        "name", "age", "score", "member", "joined", "token", "status", "city", "state", "n",
    ];
    for field in served {
        let words = ask(format!(
            "YARR.WHERE {table} {field} IS NOT NULL ORDER BY id IDS"
        ));
        if let (Reply::Array(ids), Reply::Array(records)) = (&words, &records) {
            let having: Vec<&Reply> = records
                .iter()
                .filter(|record| record.get(field).is_some())
                .filter_map(|record| record.get("id"))
                .collect();
            assert_eq!(ids.iter().collect::<Vec<_>>(), having, "{table} {field}");
            ask(format!(
                "YARR.WHERE {table} {field} IS NULL ORDER BY {field} DESC id IDS"
            ));
            ask(format!(
                "YARR.WHERE {table} {field} IS NOT NULL ORDER BY {field} LIMIT 50 PLUCK {field} id"
            ));
        }
    }
    lines.join("\n")
}

/// The bytes that DUMP gives for each table.
#[track_caller]
pub fn dumps(client: &mut Client, tables: &[&str]) -> Vec<String> {
    tables
        .iter()
        .map(|table| match client.ok(&format!("DUMP {table}")) {
            Reply::Bulk(bytes) => format!("{table} {}", repr(&bytes)),
            reply => format!("{table} {}", reply.print()),
        })
        .collect()
}
