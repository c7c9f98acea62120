use std::path::PathBuf;

use super::*;
use crate::{
    config::{Format, SAMPLE},
    notify::Occasion,
    table,
    target::redshift::Choice,
};

fn parse(text: &str) -> Result<Config> {
    read(
        Path::new("etc/yarr-replicate.toml"),
        text,
        &Wanted::default(),
    )
}

/// The sample with all that stands in comments.
fn all_of_the_sample() -> String {
    let is_key = |line: &str| line.starts_with('[') || line.split(' ').nth(1) == Some("=");
    let line = |line: &str| match line.strip_prefix("# ") {
        Some(rest) if is_key(rest) => rest.to_string(),
        _ => line.to_string(),
    };
    let lines: Vec<String> = SAMPLE.lines().map(line).collect();
    let mut all = lines.join("\n");
    // Of what cannot stand beside its neighbours, and of variables.
    for (from, to) in [
        ("url = \"redis://", "url = \"rediss://"),
        ("swap = ", "# swap = "),
        ("deletes = \"hard\"", "deletes = \"soft\""),
        ("${", "{"),
    ] {
        all = all.replace(from, to);
    }
    all
}

#[test]
fn the_sample_is_read_as_it_is_and_with_all_that_is_in_comments() {
    let wanted = Wanted {
        targets: vec!["local".into()],
        ..Wanted::default()
    };
    let plain = SAMPLE.replace("${PGPASSWORD}", "x");
    let config = read(Path::new("yarr-replicate.toml"), &plain, &wanted).unwrap();
    assert_eq!(config.targets.keys().collect::<Vec<_>>(), ["local"]);
    assert_eq!(config.tables[0].name, "flight");
    let config = parse(&all_of_the_sample()).unwrap();
    assert_eq!(
        config.targets.keys().collect::<Vec<_>>(),
        ["lake", "local", "warehouse"]
    );
    assert_eq!(config.source.address.ca, Some(PathBuf::from("etc/ca.pem")));
    assert_eq!(config.copy.options["TRUNCATECOLUMNS"], Choice::Is(false));
    assert_eq!(
        config.notify.webhook[0].on,
        [Occasion::Failed, Occasion::Canceled]
    );
    assert_eq!(config.notify.command[0].run, ["./tell", "--quietly"]);
    assert!(config.s3.is_some() && config.metrics.listen.is_some());
}

#[test]
fn what_stands_in_the_samples_comments_is_what_holds_without() {
    let plain = parse("[source]\nurl = \"redis://h\"\n[target.a]\nkind = \"postgres\"\nurl = \"postgres://u@h/d\"\n[[table]]\nname = \"t\"\n").unwrap();
    let all = parse(&all_of_the_sample()).unwrap();
    assert_eq!(all.retry, plain.retry);
    assert_eq!(all.history, plain.history);
    assert_eq!(
        (all.source.timeout, all.source.lease, all.source.page),
        (plain.source.timeout, plain.source.lease, plain.source.page)
    );
    let copy = |config: &Config| {
        (
            config.copy.gzip,
            config.copy.part,
            config.copy.batch,
            config.copy.keep,
        )
    };
    assert_eq!(copy(&all), copy(&plain));
    let table::Strategy::Timed { overlap, .. } = all.tables[0].wish().strategy.unwrap() else {
        panic!("timed");
    };
    let mut short = plain.tables[0].clone();
    short.by = Some("updated_at".into());
    let wish = short.wish();
    assert_eq!(
        wish.strategy,
        Some(table::Strategy::Timed {
            field: "updated_at".into(),
            overlap
        })
    );
    let (Target::Postgres(long), Target::Postgres(short)) =
        (&all.targets["local"], &plain.targets["a"])
    else {
        panic!("postgres");
    };
    assert_eq!(&long.spool, &short.spool);
    let (Target::Redshift(redshift), Target::Files(files)) =
        (&all.targets["warehouse"], &all.targets["lake"])
    else {
        panic!("redshift and files");
    };
    assert_eq!((redshift.format, files.format), (Format::Csv, Format::Csv));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    const HEAD: &str = "source.url = \"redis://h\"\n[target.a]\nkind = \"files\"\nfolder = \"f\"\n";
    const TABLE: &str = "[[table]]\nname = \"t\"\n";
    for (text, expected) in [
        ("x", "1:2: key with no value, expected `=`"),
        ("", "1:1: expected [source]"),
        (
            "[sorce]",
            "1:2: unknown key 'sorce'; did you mean 'source'?",
        ),
        (
            "[xyz]",
            "1:2: unknown key 'xyz'; expected one of source, target, s3",
        ),
        (
            "[source]\nurll = \"x\"",
            "2:1: unknown key 'urll'; did you mean 'url'?",
        ),
        (
            "[source]\nurl = 5",
            "2:7: expected a string, found integer `5`",
        ),
        (
            "[source]\nurl = \"http://h\"",
            "2:7: expected a URL that begins with",
        ),
        (
            "[source]\ntimeout = \"30s\"",
            "1:1: expected the key 'url', found none",
        ),
        (
            "[source]\nurl = \"redis://h\"\ntimeout = \"5y\"",
            "3:11: expected a span such as 30s (ms s m h d w), found '5y'",
        ),
        (
            "[source]\nurl = \"redis://h\"\ntimeout = 5",
            "3:11: expected a span such as \"30s\", found integer `5`",
        ),
        (
            "[source]\nurl = \"redis://h\"\npage = \"1 MB\"",
            "3:8: expected a size such as 64MB (B KB MB GB), found '1 MB'",
        ),
        (
            "[source]\nurl = \"rediss://h\"\nkey = \"k\"",
            "3:7: expected cert beside key",
        ),
        (
            "[source]\nurl = \"redis://h\"\nca = \"k\"",
            "2:7: expected a URL with rediss",
        ),
        (
            "[source]\nurl = \"redis://h\"\nca = \"${YARR_NO_SUCH}\"",
            "3:6: expected the environment variable YARR_NO_SUCH",
        ),
        (
            "[target.a]\nkind = \"postgre\"",
            "3:8: expected kind = \"redshift\", \"postgres\" or \"files\"; did you mean 'postgres'?",
        ),
        (
            "[target.a]\nurl = \"x\"",
            "2:1: expected kind = \"redshift\", \"postgres\" or \"files\" in [target.a], found none",
        ),
        (
            "[target.a]\nkind = \"files\"\nfolder = \"f\"\nurl = \"x\"",
            "5:1: unknown key 'url'",
        ),
        (
            "[target.a]\nkind = \"files\"\nfolder = \"s3\"",
            "2:1: expected [s3] with bucket = \"NAME\" for target 'a', found none",
        ),
        (
            "[target.a]\nkind = \"files\"\nfolder = \"f\"\nformat = \"parket\"",
            "5:10: expected one of csv, parquet, found 'parket'; did you mean 'parquet'?",
        ),
        (
            "[target.a]\nkind = \"postgres\"\nurl = \"postgres://u:hush@h:x/d\"",
            "4:7: expected a port",
        ),
        (
            HEAD,
            "1:1: expected a table, [[table]] with name = \"NAME\", found none",
        ),
        (
            &format!("{HEAD}[table]\nname = \"t\""),
            "5:1: expected [[table]] in double brackets",
        ),
        (
            &format!("{HEAD}{TABLE}target = \"b\""),
            "7:10: there is no target 'b'; expected one of a",
        ),
        (
            &format!("{HEAD}{TABLE}strategy = \"ful\""),
            "7:12: expected one of timed, identity, full, found 'ful'; did you mean 'full'?",
        ),
        (
            &format!("{HEAD}{TABLE}swap = \"rows\""),
            "7:8: expected strategy = \"full\" beside swap",
        ),
        (
            &format!("{HEAD}{TABLE}overlap = \"1s\""),
            "7:11: expected strategy = \"timed\" and by = \"FIELD\" beside overlap",
        ),
        (
            &format!("{HEAD}{TABLE}deleted_at = \"d\""),
            "7:14: expected deletes = \"soft\" beside deleted_at",
        ),
        (
            &format!("{HEAD}{TABLE}strategy = \"full\"\nby = \"d\""),
            "8:6: expected no field beside strategy = \"full\"",
        ),
        (
            &format!("{HEAD}{TABLE}{TABLE}"),
            "8:8: expected a table of its own for each, found 't' twice",
        ),
        (
            &format!("{HEAD}{TABLE}[retry]\nmax = -1"),
            "8:7: expected u32, found integer `-1`",
        ),
        (
            &format!("{HEAD}{TABLE}[[notify.webhook]]\nurl = \"u\"\non = [\"fail\"]"),
            "9:7: expected one of enqueued",
        ),
        (
            &format!("{HEAD}{TABLE}[metrics]\nlisten = \"9187\""),
            "8:10: invalid socket address",
        ),
    ] {
        let text = match text.strip_prefix("[target") {
            Some(_) => format!("source.url = \"redis://h\"\n{text}"),
            None => text.to_string(),
        };
        let error = parse(&text).unwrap_err().to_string();
        let said = error
            .strip_prefix("etc/yarr-replicate.toml:")
            .unwrap_or(&error);
        assert!(said.starts_with(expected), "{text}\n{error}");
        assert!(!error.contains("hush"), "{error}");
    }
}

#[test]
fn only_what_is_wanted_is_looked_at() {
    let text = "[source]\nurl = \"${YARR_NO_SUCH}\"\n[target.a]\nkind = \"files\"\nfolder = \"f\"\n\
        [target.b]\nkind = \"postgres\"\nurl = \"${YARR_NO_SUCH}\"\n[[table]]\nname = \"t\"\ntarget = [\"b\"]\n[[table]]\nname = \"u\"\n";
    let wanted = |source: &str, target: &str| Wanted {
        source: Some(source.to_string()).filter(|source| !source.is_empty()),
        targets: vec![target.into()],
    };
    let path = Path::new("yarr-replicate.toml");
    let config = read(path, text, &wanted("redis://other:1", "a")).unwrap();
    assert_eq!(config.source.address.name, "other:1");
    let named = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let tables = config.tables_of("a", &names);
        tables.map(|tables| {
            tables
                .iter()
                .map(|table| table.name.clone())
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(named(&[]).unwrap(), ["u"]);
    assert_eq!(
        named(&["t"]).unwrap_err().to_string(),
        "there is no table 't' for target 'a', which gets u"
    );
    for (source, target, expected) in [
        ("", "a", "2:7: expected the environment variable"),
        ("redis://h", "b", "8:7: expected the environment variable"),
        (
            "redis://h",
            "c",
            "3:2: there is no target 'c'; expected one of a, b",
        ),
        ("h", "a", "1:1: --url: expected a URL"),
    ] {
        let error = read(path, text, &wanted(source, target))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&format!("yarr-replicate.toml:{expected}")),
            "{error}"
        );
    }
}

#[test]
fn no_secret_is_shown() {
    let text = all_of_the_sample()
        .replace("{PGPASSWORD}", "hush")
        .replace("{REDSHIFT_PASSWORD}", "hush")
        .replace("{AWS_SECRET_ACCESS_KEY}", "hush")
        .replace("{AWS_SESSION_TOKEN}", "hush")
        .replace("{HOOK}", "hush")
        .replace("{HOOK_SECRET}", "hush")
        .replace("{SENTINEL_PASSWORD}", "hush")
        .replace("rediss://", "rediss://:hush@");
    let config = parse(&text).unwrap();
    let shown = format!("{config:#?}");
    assert!(
        text.matches("hush").count() >= 8 && !shown.contains("hush"),
        "{shown}"
    );
}
