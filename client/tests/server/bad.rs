//! Servers that are not what they should be, and connections that break: a typed error, and nothing half done.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use yarr_client::{Error, pipeline, prelude::*, redis, transaction};
use yarr_client_testing::Server;

use crate::sample::{Sample, connection, database, make};

#[test]
fn a_server_without_the_module_is_told_as_such() {
    let server = Server::start_plain();
    for client in [Some(server.client()), server.client_resp3()]
        .into_iter()
        .flatten()
    {
        let mut connection = client.get_connection().unwrap();
        let found = Sample::find(1).run(&mut connection);
        assert!(matches!(found, Err(Error::NoModule(_))), "{found:?}");
        let checked = Sample::check().run(&mut connection);
        assert!(matches!(checked, Err(Error::NoModule(_))), "{checked:?}");
        let walked = Sample::query().iter(&mut connection).next();
        assert!(
            matches!(walked, Some(Err(Error::NoModule(_)))),
            "{walked:?}"
        );
        let (one,) = pipeline((Sample::find(1),)).run(&mut connection).unwrap();
        assert!(matches!(one, Err(Error::NoModule(_))), "{one:?}");
        let aborted = transaction((Sample::find(1),)).run(&mut connection);
        assert!(
            aborted.is_err(),
            "a transaction of unknown commands is refused"
        );
    }
}

/// Other types, and fields that the table does not have.
#[derive(Debug, Record)]
#[record(table = "sample")]
struct Wrong {
    id: i64,
    whole: String,
}

#[derive(Debug, Record)]
#[record(table = "sample")]
struct Strange {
    id: i64,
    nowhere: Option<String>,
}

#[derive(Debug, Enum)]
enum Fewer {
    Low,
}

#[derive(Debug, Record)]
#[record(table = "sample")]
struct Narrow {
    id: i64,
    whole: i8,
    real: f64,
    level: Fewer,
}

#[test]
fn a_struct_that_does_not_fit_its_table_is_told_field_by_field() {
    let mut connection = database("resp2").get_connection().unwrap();
    let con = &mut connection;
    let absent = Sample::find(1).run(con);
    assert!(matches!(absent, Err(Error::NoTable(_))), "{absent:?}");
    make::<Sample>(con);
    let f = Sample::fields();
    let values = (
        f.whole.set(300),
        f.label.set("a"),
        f.level.set(crate::sample::Level::Middle),
    );
    Sample::create(values).run(con).unwrap();

    let wrong = Wrong::find(1).run(con).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "field 'whole': expected a STRING of UTF-8, found the INTEGER 300"
    );
    let strange = Strange::find(1).run(con);
    assert!(matches!(strange, Err(Error::NoField(_))), "{strange:?}");
    let refused = Strange::query()
        .filter(Strange::fields().nowhere.eq("x"))
        .delete()
        .run(con);
    assert!(matches!(refused, Err(Error::NoField(_))), "{refused:?}");
    let narrow = Narrow::fields();
    for (result, expected) in [
        (
            Narrow::query().pluck(narrow.whole).run(con).map(drop),
            "field 'whole': expected an INTEGER of 8 bits, found the INTEGER 300",
        ),
        (
            Narrow::query().pluck(narrow.real).run(con).map(drop),
            "field 'real': expected a FLOAT, found null",
        ),
        (
            Narrow::query().pluck(narrow.level).run(con).map(drop),
            "field 'level': expected a name of Fewer, found the name 'MID.1'",
        ),
        (
            Narrow::query()
                .aggregate(max(narrow.whole))
                .run(con)
                .map(drop),
            "field 'max(whole)': expected an INTEGER of 8 bits, found the INTEGER 300",
        ),
    ] {
        assert_eq!(result.unwrap_err().to_string(), expected);
    }
    let () = redis::cmd("SET").arg("text").arg("x").query(con).unwrap();
    let other = Sample::table("text").query().load().run(con);
    assert!(matches!(other, Err(Error::WrongType(_))), "{other:?}");
    let value = Sample::create((f.whole.set(1), f.label.set("b"), f.real.set(f64::NAN))).run(con);
    assert!(matches!(value, Err(Error::BadValue(_))), "{value:?}");
    let null = Sample::create(f.whole.set(1)).run(con);
    assert!(matches!(null, Err(Error::NotNull(_))), "{null:?}");
    assert_eq!(Sample::query().count().run(con).unwrap(), 1);
}

#[test]
fn a_connection_that_breaks_amid_a_walk_is_an_error_and_the_walk_can_go_on() {
    let mut connection = connection("resp3");
    let f = Sample::fields();
    Sample::create_many((0..50).map(|n| (f.whole.set(n), f.label.set(n.to_string()))))
        .run(&mut connection)
        .unwrap();
    let number = connection_id(&mut connection);
    let mut walk = Sample::query().batch(10).iter(&mut connection);
    let met: Vec<i64> = walk.by_ref().take(15).map(|s| s.unwrap().whole).collect();
    let mut killer = database("resp2").get_connection().unwrap();
    let () = redis::cmd("CLIENT")
        .arg("KILL")
        .arg("ID")
        .arg(number)
        .query(&mut killer)
        .unwrap();
    let rest: Vec<Result<i64, Error>> = walk.by_ref().map(|s| s.map(|s| s.whole)).collect();
    // What was read of the page is still given, then the error, then nothing.
    assert_eq!(rest.iter().filter(|s| s.is_ok()).count(), 5);
    let lost = rest.last().unwrap().as_ref().unwrap_err();
    assert!(lost.is_connection_lost() && !lost.is_timeout(), "{lost:?}");
    let cursor = walk.cursor().unwrap().clone();
    let again = &mut connection_beside(&connection);
    let after: Vec<i64> = Sample::query()
        .batch(10)
        .iter(again)
        .from_cursor(cursor)
        .map(|s| s.unwrap().whole)
        .collect();
    let all: Vec<i64> = met
        .into_iter()
        .chain(rest.into_iter().flatten())
        .chain(after)
        .collect();
    assert_eq!(all, (0..50).collect::<Vec<_>>());
}

fn connection_id(connection: &mut redis::Connection) -> i64 {
    redis::cmd("CLIENT").arg("ID").query(connection).unwrap()
}

/// Another connection to the same database.
fn connection_beside(connection: &redis::Connection) -> redis::Connection {
    use redis::ConnectionLike;
    crate::sample::client_of(connection.get_db())
        .get_connection()
        .unwrap()
}

#[test]
fn a_server_that_does_not_answer_in_time_is_a_timeout() {
    let server = Server::start();
    let mut connection = server.connect();
    make::<Sample>(&mut connection);
    connection
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let f = Sample::fields();
    server.freeze();
    let late = Sample::create((f.whole.set(1), f.label.set("a"))).run(&mut connection);
    assert!(late.as_ref().is_err_and(Error::is_timeout), "{late:?}");
    server.thaw();
    // It may have been carried out, and here it was: whole.
    let found = Sample::find_by(f.label.eq("a"))
        .run(&mut server.connect())
        .unwrap();
    assert_eq!(found.map(|s| s.whole), Some(1));
}

#[test]
fn a_server_that_goes_away_is_a_lost_connection() {
    let mut server = Server::start();
    let mut connection = server.connect();
    make::<Sample>(&mut connection);
    server.kill();
    let f = Sample::fields();
    for _ in 0..2 {
        let lost = Sample::query().load().run(&mut connection).unwrap_err();
        assert!(lost.is_connection_lost(), "{lost:?}");
    }
    let lost =
        pipeline((Sample::find(1), Sample::query().update(f.whole.set(1)))).run(&mut connection);
    assert!(lost.err().is_some_and(|error| error.is_connection_lost()));
}

/// A server that gives every command the same answer.
fn liar(answer: &'static [u8]) -> redis::Connection {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else {
            return;
        };
        let mut buffer = [0; 4096];
        // What is said at the beginning of a connection, and each command after it.
        while matches!(stream.read(&mut buffer), Ok(1..)) {
            let setup = buffer.windows(7).filter(|w| *w == b"SETINFO").count();
            let reply = if setup > 0 {
                b"+OK\r\n".repeat(setup)
            } else {
                answer.to_vec()
            };
            if stream.write_all(&reply).is_err() {
                break;
            }
        }
        let _ = TcpStream::shutdown(&stream, Shutdown::Both);
    });
    redis::Client::open(format!("redis://127.0.0.1:{port}/"))
        .unwrap()
        .get_connection()
        .unwrap()
}

#[test]
fn an_answer_that_is_none_is_refused() {
    for answer in [
        &b"+OK\r\n"[..],
        b":-1\r\n",
        b"$0\r\n\r\n",
        b"$3\r\n\x01\xfd\xff\r\n",
        // Of 2^63 rows.
        b"$15\r\n\x01\x01\x02id\x00\xfd\0\0\0\0\0\0\0\x80\r\n",
        b"*0\r\n",
        b"*2\r\n$1\r\n5\r\n*0\r\n",
        b"*1\r\n$-1\r\n",
    ] {
        let shown = String::from_utf8_lossy(answer).into_owned();
        let f = Sample::fields();
        let mut con = liar(answer);
        let refused = |error: Option<Error>| {
            assert!(
                matches!(error, Some(Error::Reply(_))),
                "{shown:?}: {error:?}"
            )
        };
        refused(Sample::find(1).run(&mut con).err());
        refused(Sample::query().load().run(&mut con).err());
        refused(Sample::query().ids().run(&mut con).err());
        refused(Sample::create(f.whole.set(1)).run(&mut con).err());
        refused(Sample::query().page(Cursor::start()).run(&mut con).err());
        // Whatever these make of it, they do not panic.
        let _ = Sample::query()
            .group_by(f.whole)
            .aggregate(count())
            .run(&mut con);
        let _ = Sample::query().count().run(&mut con);
        let _ = Sample::check().run(&mut con);
        let _ = Sample::delete(1).run(&mut con);
        let _ = Sample::query().aggregate(sum(f.whole)).run(&mut con);
    }
}
