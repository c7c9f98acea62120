//! What the stand-in takes and refuses, by a driver of PostgreSQL.

use std::io::Write;

use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use yarr_replicate_testing::{Cluster, Failure, KEY, ROLE, Redshift, S3, SECRET};

async fn connect(url: &str) -> Result<Client, String> {
    let (client, connection) = match tokio_postgres::connect(url, NoTls).await {
        Ok(connected) => connected,
        Err(error) => return Err(why(&error)),
    };
    tokio::spawn(connection);
    Ok(client)
}

fn why(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => format!(
            "{}; {}",
            said.message(),
            said.detail().unwrap_or("no detail")
        ),
        None => format!("{error} {:?}", std::error::Error::source(error)),
    }
}

async fn ask(client: &Client, sql: &str) -> Result<Vec<String>, String> {
    let messages = client.simple_query(sql).await.map_err(|e| why(&e))?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            let values = (0..row.len()).map(|at| row.get(at).unwrap_or("null"));
            Some(values.collect::<Vec<_>>().join("|"))
        }
        _ => None,
    });
    Ok(rows.collect())
}

fn zipped(text: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

fn manifest(keys: &[&str]) -> Vec<u8> {
    let entry = |key: &&str| format!(r#"{{"url":"s3://yarr/{key}","mandatory":true}}"#);
    let entries: Vec<String> = keys.iter().map(entry).collect();
    format!(r#"{{"entries":[{}]}}"#, entries.join(",")).into_bytes()
}

#[tokio::test]
async fn it_loads_as_redshift_does_and_says_why_it_does_not() {
    let cluster = Cluster::start();
    let s3 = S3::start("yarr");
    let redshift = Redshift::start(&cluster, &s3, "place");
    let client = connect(&redshift.url()).await.unwrap();
    let done = async |sql: &str| ask(&client, sql).await.unwrap();
    let refused = async |sql: &str| ask(&client, sql).await.unwrap_err();

    done("CREATE TABLE t (id bigint, s varchar(5), u text, PRIMARY KEY (id)) SORTKEY (id)").await;
    s3.write("a.gz", &zipped(b"1,\"a,\"\"\nb\",~\n2,,x\n"));
    s3.write("b.gz", &zipped("3,ääx,\"~\"\n".as_bytes()));
    s3.write("m.json", &manifest(&["a.gz", "b.gz"]));
    let copy = |rest: &str| {
        format!(
            "COPY \"t\" (id, \"s\", u) FROM 's3://yarr/m.json' IAM_ROLE '{ROLE}' REGION 'eu-west-1' FORMAT AS CSV GZIP MANIFEST NULL AS '~' STATUPDATE ON{rest}"
        )
    };
    // Temporary tables and transactions are real, and a quoted word for null is null.
    done("BEGIN; CREATE TEMP TABLE stage (LIKE t)").await;
    done(&copy("").replace("\"t\"", "stage")).await;
    assert_eq!(done("SELECT count(*), count(u) FROM stage").await, ["3|1"]);
    done("ROLLBACK").await;
    done(&copy(" NOLOAD")).await;
    assert_eq!(done("SELECT count(*) FROM t").await, ["0"]);
    done(&copy("")).await;
    let rows = "SELECT id, s, u FROM t ORDER BY id";
    assert_eq!(done(rows).await, ["1|a,\"\nb|null", "2||x", "3|ääx|null"]);

    // What cannot be loaded is kept past the end of the transaction.
    let last = "SELECT trim(file_name), line_number, trim(column_name), error_code, trim(error_message)
        FROM sys_load_error_detail WHERE session_id = pg_backend_pid() ORDER BY start_time DESC LIMIT 1";
    for (text, reason) in [
        (
            "4,abc,d\n5,longer,d\n",
            "2|s|1204|String length exceeds DDL length",
        ),
        (
            "4,a,d\nx,b,d\n",
            "2|id|1207|Invalid digit, Value 'x', Pos 0, Type: Integer",
        ),
        ("4,a\n", "1||1203|Delimiter not found"),
    ] {
        s3.write("b.gz", &zipped(text.as_bytes()));
        done("BEGIN").await;
        let said = refused(&copy("")).await;
        assert!(
            said.starts_with("Load into table '\"t\"' failed."),
            "{said}"
        );
        done("ROLLBACK").await;
        assert_eq!(done(last).await, [format!("s3://yarr/b.gz|{reason}")]);
    }
    s3.write("b.gz", &zipped(b"4,long\xffer,d\n"));
    let lenient = copy(" ACCEPTINVCHARS '^' TRUNCATECOLUMNS");
    done(&format!("DELETE FROM t; {}", "SELECT 1")).await;
    done(&lenient).await;
    assert_eq!(done("SELECT s FROM t WHERE id = 4").await, ["long^"]);

    // Who may read, and what is there.
    for (from, to, said) in [
        (
            ROLE,
            "arn:aws:iam::1:role/x",
            "is not authorized to assume IAM Role arn:aws:iam::1:role/x",
        ),
        ("s3://yarr/", "s3://other/", "NoSuchBucket"),
        ("m.json", "n.json", "Status 404,Error NoSuchKey"),
        (
            &format!("IAM_ROLE '{ROLE}'"),
            "",
            "CREDENTIALS argument is required",
        ),
        (
            &format!("IAM_ROLE '{ROLE}'"),
            &format!("ACCESS_KEY_ID '{KEY}' SECRET_ACCESS_KEY 'x'"),
            "SignatureDoesNotMatch",
        ),
        (
            "STATUPDATE",
            "STATUPDAT",
            "syntax error at or near \"STATUPDAT\"",
        ),
    ] {
        let found = refused(&copy("").replace(from, to)).await;
        assert!(found.contains(said), "{found}");
    }
    let keys = format!("ACCESS_KEY_ID '{KEY}' SECRET_ACCESS_KEY '{SECRET}'");
    done(
        &copy("")
            .replace(&format!("IAM_ROLE '{ROLE}'"), &keys)
            .replace("FORMAT", "ACCEPTINVCHARS TRUNCATECOLUMNS FORMAT"),
    )
    .await;
    s3.write("m.json", b"{");
    assert!(
        refused(&copy(""))
            .await
            .starts_with("Problem reading manifest file")
    );

    // Faults.
    redshift.fail("SELECT 2", Failure::Conflict);
    let said = refused("SELECT 2").await;
    assert!(
        said.starts_with("1023; Serializable isolation violation"),
        "{said}"
    );
    redshift.fail("INSERT", Failure::Unsure);
    refused("INSERT INTO t VALUES (9)").await;
    assert_eq!(redshift.lines("SELECT count(*) FROM t WHERE id = 9"), ["1"]);
    let wrong = connect(&redshift.url_with("x")).await.unwrap_err();
    assert!(wrong.contains("password authentication failed"), "{wrong}");
    redshift.hash_passwords();
    let wrong = connect(&redshift.url()).await.unwrap_err();
    assert!(wrong.contains("authentication tag `13`"), "{wrong}");
}
