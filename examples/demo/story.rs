//! The sessions of an application, from its first migration to the last session's end.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::console::{Console, Rows};

/// Tells it on an empty server and leaves the table `user_session` behind.
pub fn tell(console: &mut Console) -> Result<(), Box<dyn Error>> {
    console.chapter("1. Sessions");
    found(console)?;
    create(console)?;
    find(console)?;
    update(console)?;
    delete(console)?;
    migrate(console)
}

fn found(console: &mut Console) -> Result<(), Box<dyn Error>> {
    console.say("A table comes into being with its first migration. Sessions live two hours.");
    let answer = console.scalar(
        "YARR.MIGRATE user_session UP 20200504000000 create_user_session \
         ADD FIELD user_id INTEGER INDEX ADD FIELD session_id STRING \
         ADD INDEX created_at SET TTL 7200 PASSIVE",
    )?;
    console.check("applied at once", &answer, &"OK".into());
    Ok(())
}

fn create(console: &mut Console) -> Result<(), Box<dyn Error>> {
    console.say("Four sessions; one of them was opened three hours ago.");
    let mut ids = Vec::new();
    for (user, session, rest) in [
        (42, "s-1001", ""),
        (42, "s-1002", ""),
        (7, "s-1003", ""),
        (42, "s-0900", " created_at now-3h"),
    ] {
        ids.push(console.scalar(&format!(
            "YARR.CREATE user_session user_id {user} session_id {session}{rest}"
        ))?);
    }
    console.check("ids count up from 1", &ids, &strings(&["1", "2", "3", "4"]));

    console.say("What is no integer does not become one.");
    let code = console.refused("YARR.CREATE user_session user_id many session_id s-1004")?;
    console.check("refused, nothing changed", &code, &"BADVALUE".into());
    Ok(())
}

fn find(console: &mut Console) -> Result<(), Box<dyn Error>> {
    console.say("One session by its id.");
    let got = console.records("YARR.FIND user_session 1", "id user_id session_id")?;
    let expected = rows("id user_id session_id", &[&["1", "42", "s-1001"]]);
    console.check("as created", &got, &expected);

    console.say("All sessions of user 42, the newest first.");
    let got = console.records(
        "YARR.WHERE user_session user_id = 42 ORDER BY created_at DESC RETURN id session_id created_at",
        "id session_id created_at",
    )?;
    let ids: Vec<_> = got
        .rows
        .iter()
        .filter_map(|row| row.first().cloned())
        .collect();
    console.check("ids 2, 1, 4", &ids, &strings(&["2", "1", "4"]));

    console.say("Sessions created within the last hour.");
    let got = console
        .listing("YARR.WHERE user_session created_at > now-1h ORDER BY id PLUCK session_id")?;
    let expected = strings(&["s-1001", "s-1002", "s-1003"]);
    console.check("all but the old one", &got, &expected);
    Ok(())
}

fn update(console: &mut Console) -> Result<(), Box<dyn Error>> {
    console.say("A session gets a new id of its own, and with it another two hours.");
    let before = SystemTime::now();
    let got = console.records(
        "YARR.UPDATE user_session 1 SET session_id s-2001 RETURN id session_id expires_at",
        "id session_id expires_at",
    )?;
    let after = SystemTime::now();
    let row = got.rows.first().cloned().unwrap_or_default();
    let named = row.get(..2).unwrap_or_default().to_vec();
    console.check("the new value", &named, &strings(&["1", "s-2001"]));
    let expires: i64 = row
        .get(2)
        .and_then(|ms| ms.parse().ok())
        .unwrap_or_default();
    let two_hours = Duration::from_secs(7200);
    // The server may read its clock once a turn of its loop: a second of slack.
    let earliest = milliseconds(before + two_hours) - 1000;
    let in_time = (earliest..=milliseconds(after + two_hours)).contains(&expires);
    console.check("two hours from now", &in_time, &true);

    console.say("A change with a condition happens once.");
    let change = "YARR.UPDATE user_session 2 SET user_id 8 IF user_id = 42";
    let answers = vec![console.scalar(change)?, console.scalar(change)?];
    console.check("1, then 0", &answers, &strings(&["1", "0"]));
    Ok(())
}

fn delete(console: &mut Console) -> Result<(), Box<dyn Error>> {
    console.say("User 7 logs out.");
    let answers = vec![
        console.scalar("YARR.DEL user_session WHERE user_id = 7")?,
        console.scalar("YARR.FIND user_session 3")?,
    ];
    console.check("one session less", &answers, &strings(&["1", "(nil)"]));
    Ok(())
}

fn migrate(console: &mut Console) -> Result<(), Box<dyn Error>> {
    console.say("The application learns about devices: a field with a default and an index.");
    let up = "YARR.MIGRATE user_session UP 20200601000000 add_device \
              ADD FIELD device ENUM ( web ios android ) DEFAULT web INDEX";
    let answers = vec![
        console.scalar(up)?,
        console.scalar("YARR.UPDATE user_session 1 SET device ios")?,
        console.scalar("YARR.WHERE user_session device = web COUNT")?,
    ];
    console.check(
        "old records have the default",
        &answers,
        &strings(&["OK", "1", "2"]),
    );

    console.say("And forgets about them again. What the field held goes with it, so DROP DATA is asked for.");
    let down = "YARR.MIGRATE user_session DOWN 20200601000000";
    let answers = vec![
        console.scalar(&format!("{down} DROP DATA"))?,
        console.refused("YARR.WHERE user_session device = web COUNT")?,
        console.scalar("YARR.WHERE user_session * COUNT")?,
    ];
    console.check(
        "the field is gone, the records are not",
        &answers,
        &strings(&["OK", "NOFIELD", "3"]),
    );
    Ok(())
}

fn milliseconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn rows(fields: &str, rows: &[&[&str]]) -> Rows {
    Rows {
        fields: fields.split(' ').map(str::to_owned).collect(),
        rows: rows.iter().map(|row| strings(row)).collect(),
    }
}
