//! Questions to the flights, each answered twice: by YARR, and by going through the CSV.

use std::cmp::Reverse;
use std::error::Error;

use crate::console::{Console, Rows};
use crate::flights::Flight;
use crate::reply::{items, lines, text};

type Answer = Result<(), Box<dyn Error>>;

/// How the second answer came about.
const SCANNED: &str = "by a walk through the CSV";

/// Asks them all. The table `flight` has lost its cancelled flights afterwards.
pub fn ask(console: &mut Console, flights: &[Flight]) -> Answer {
    console.chapter("3. Questions");
    worst_delays(console, flights)?;
    one_aeroplane(console, flights)?;
    cancelled(console, flights)?;
    busiest(console, flights)?;
    either_end(console, flights)?;
    far_away(console, flights)?;
    long_haul(console, flights)?;
    prefix(console, flights)?;
    early_birds(console, flights)?;
    unindexed(console, flights)?;
    page_through(console, flights)?;
    clear_away(console, flights)
}

fn worst_delays(console: &mut Console, flights: &[Flight]) -> Answer {
    console.say("Which flights left JFK latest in the second week of January?");
    let got = console.records(
        "YARR.WHERE flight origin = JFK AND time_hour >= 2013-01-07T05:00:00Z AND time_hour < 2013-01-14T05:00:00Z \
         ORDER BY dep_delay DESC LIMIT 5 RETURN carrier flight dest dep_delay",
        "carrier flight dest dep_delay",
    )?;
    let week = 1_357_534_800_000..1_358_139_600_000;
    let mut expected: Vec<&Flight> = flights
        .iter()
        .filter(|f| f.origin == "JFK" && week.contains(&f.time_hour))
        .collect();
    expected.sort_by_key(|f| Reverse((f.dep_delay, f.id)));
    expected.truncate(5);
    let expected = table(&got, &expected, |f| {
        vec![
            f.carrier.clone(),
            f.flight.to_string(),
            f.dest.clone(),
            optional(f.dep_delay),
        ]
    });
    console.check(SCANNED, &got, &expected);
    let worst = got.rows.first().map(|row| row.join(" "));
    console.check(
        "the record of that winter",
        &worst,
        &Some("HA 51 HNL 1301".into()),
    );
    Ok(())
}

fn one_aeroplane(console: &mut Console, flights: &[Flight]) -> Answer {
    console.say("Where did the aeroplane N730MQ fly, in order of time?");
    let got = console.records(
        "YARR.WHERE flight tailnum = N730MQ ORDER BY time_hour RETURN id time_hour flight origin dest",
        "id time_hour flight origin dest",
    )?;
    let mut expected: Vec<&Flight> = flights
        .iter()
        .filter(|f| f.tailnum.as_deref() == Some("N730MQ"))
        .collect();
    expected.sort_by_key(|f| (f.time_hour, f.id));
    let expected = table(&got, &expected, |f| {
        vec![
            f.id.to_string(),
            f.time_hour.to_string(),
            f.flight.to_string(),
            f.origin.clone(),
            f.dest.clone(),
        ]
    });
    console.check(SCANNED, &got, &expected);
    Ok(())
}

fn cancelled(console: &mut Console, flights: &[Flight]) -> Answer {
    console.say("How many flights of Envoy Air (MQ) never left?");
    let got = console.scalar("YARR.WHERE flight carrier = MQ AND dep_time IS NULL COUNT")?;
    let expected = count(flights, |f| f.carrier == "MQ" && f.dep_time.is_none());
    console.check(SCANNED, &got, &expected);
    Ok(())
}

fn busiest(console: &mut Console, flights: &[Flight]) -> Answer {
    console.say("Which airport is the busiest between six and seven in the morning?");
    let mut flights_there: Vec<(u32, &str)> = Vec::new();
    for origin in ["EWR", "JFK", "LGA"] {
        let got = console.scalar(&format!(
            "YARR.WHERE flight origin = {origin} AND sched_dep_time BETWEEN 600 AND 659 COUNT"
        ))?;
        let expected = count(flights, |f| {
            f.origin == origin && (600..=659).contains(&f.sched_dep_time)
        });
        console.check(SCANNED, &got, &expected);
        flights_there.push((got.parse().unwrap_or(0), origin));
    }
    let busiest = flights_there.iter().max().map(|(_, origin)| *origin);
    console.check("Newark", &busiest, &Some("EWR"));
    Ok(())
}

fn either_end(console: &mut Console, flights: &[Flight]) -> Answer {
    console.say(
        "Which flights left ten hours late, or landed more than an hour early? (Two indexes.)",
    );
    let got = console.records(
        "YARR.WHERE flight dep_delay > 600 OR arr_delay < -60 ORDER BY dep_delay DESC id \
         RETURN id carrier flight dest dep_delay arr_delay",
        "id carrier flight dest dep_delay arr_delay",
    )?;
    let mut expected: Vec<&Flight> = flights
        .iter()
        .filter(|f| f.dep_delay > Some(600) || f.arr_delay.is_some_and(|late| late < -60))
        .collect();
    expected.sort_by_key(|f| (Reverse(f.dep_delay), f.id));
    let expected = table(&got, &expected, |f| {
        vec![
            f.id.to_string(),
            f.carrier.clone(),
            f.flight.to_string(),
            f.dest.clone(),
            optional(f.dep_delay),
            optional(f.arr_delay),
        ]
    });
    console.check(SCANNED, &got, &expected);
    Ok(())
}

fn far_away(console: &mut Console, flights: &[Flight]) -> Answer {
    console.say("How many flights to Anchorage, Honolulu and San Juan were not United's?");
    let got = console.scalar("YARR.WHERE flight dest IN 3 ANC HNL SJU AND carrier != UA COUNT")?;
    let expected = count(flights, |f| {
        ["ANC", "HNL", "SJU"].contains(&f.dest.as_str()) && f.carrier != "UA"
    });
    console.check(SCANNED, &got, &expected);
    Ok(())
}

fn long_haul(console: &mut Console, flights: &[Flight]) -> Answer {
    console.say("How many flights of 2,500 to 3,000 miles start anywhere but in Newark?");
    let got = console.scalar(
        "YARR.WHERE flight distance BETWEEN 2500 AND 3000 AND NOT ( origin = EWR ) COUNT",
    )?;
    let expected = count(flights, |f| {
        (2500..=3000).contains(&f.distance) && f.origin != "EWR"
    });
    console.check(SCANNED, &got, &expected);
    Ok(())
}

fn prefix(console: &mut Console, flights: &[Flight]) -> Answer {
    console.say("How many flights were made by aeroplanes whose number starts with N73?");
    let got = console.scalar("YARR.WHERE flight tailnum STARTS WITH N73 COUNT")?;
    let expected = count(flights, |f| {
        f.tailnum
            .as_ref()
            .is_some_and(|tailnum| tailnum.starts_with("N73"))
    });
    console.check(SCANNED, &got, &expected);
    Ok(())
}

fn early_birds(console: &mut Console, flights: &[Flight]) -> Answer {
    console.say("Which flights from LaGuardia to Boston left earliest before their time?");
    let got = console.plucked(
        "YARR.WHERE flight origin = LGA AND dest = BOS AND dep_delay IS NOT NULL \
         ORDER BY dep_delay id LIMIT 5 PLUCK carrier flight dep_delay",
        "carrier flight dep_delay",
    )?;
    let mut expected: Vec<&Flight> = flights
        .iter()
        .filter(|f| f.origin == "LGA" && f.dest == "BOS" && f.dep_delay.is_some())
        .collect();
    expected.sort_by_key(|f| (f.dep_delay, f.id));
    expected.truncate(5);
    let expected = table(&got, &expected, |f| {
        vec![
            f.carrier.clone(),
            f.flight.to_string(),
            optional(f.dep_delay),
        ]
    });
    console.check(SCANNED, &got, &expected);
    Ok(())
}

fn unindexed(console: &mut Console, flights: &[Flight]) -> Answer {
    console.say(
        "A question that no index serves is refused, until SCAN allows a walk over the table.",
    );
    let question = "YARR.WHERE flight air_time > 600 COUNT";
    let code = console.refused(question)?;
    console.check("refused", &code, &"NOINDEX".into());
    let got = console.scalar(&format!("{question} SCAN"))?;
    let expected = count(flights, |f| f.air_time > Some(600));
    console.check(SCANNED, &got, &expected);
    Ok(())
}

fn page_through(console: &mut Console, flights: &[Flight]) -> Answer {
    console.say("Every flight once, in order of time, a page after the other. The first page:");
    let page = |cursor: &str| {
        format!("YARR.WHERE flight * ORDER BY time_hour CURSOR {cursor} LIMIT 2500 IDS")
    };
    let mut cursor = String::from("0");
    let mut got: Vec<String> = Vec::new();
    let mut pages = 0;
    loop {
        let answer = console.send(&page(&cursor))?;
        let [next, ids] = items(&answer) else {
            return Err(format!("a page of {} parts", items(&answer).len()).into());
        };
        got.extend(lines(ids));
        cursor = text(next);
        pages += 1;
        if pages == 1 {
            console.page(&page("0"), &cursor, ids)?;
        }
        // More pages than records: the walk does not come to its end.
        if cursor == "0" || pages > flights.len() {
            break;
        }
    }
    console.answer(&format!("{} flights on {pages} pages.", got.len()));
    let mut expected: Vec<&Flight> = flights.iter().collect();
    expected.sort_by_key(|f| (f.time_hour, f.id));
    let expected: Vec<String> = expected.iter().map(|f| f.id.to_string()).collect();
    console.check("each exactly once and in order", &(got == expected), &true);
    Ok(())
}

fn clear_away(console: &mut Console, flights: &[Flight]) -> Answer {
    let gone = count(flights, |f| f.dep_time.is_none());
    let left = count(flights, |f| f.dep_time.is_some());

    console.say("The cancelled flights get a mark: first the field, for all records at once,");
    let answer = console.scalar(
        "YARR.MIGRATE flight UP 20130201000000 add_status \
         ADD FIELD status ENUM ( flown cancelled ) DEFAULT flown",
    )?;
    console.check("applied at once", &answer, &"OK".into());
    console.say("then the mark,");
    let answers = vec![
        console.scalar("YARR.UPDATE flight WHERE dep_time IS NULL SET status cancelled")?,
        console.scalar("YARR.WHERE flight dep_time IS NULL AND status = cancelled COUNT")?,
    ];
    console.check(SCANNED, &answers, &vec![gone.clone(), gone.clone()]);
    console.check("cancelled that month", &gone, &"521".into());

    console.say("and in the end they go.");
    let answers = vec![
        console.scalar("YARR.DEL flight WHERE dep_time IS NULL")?,
        console.scalar("YARR.WHERE flight * COUNT")?,
        console.scalar("YARR.WHERE flight status = cancelled COUNT SCAN")?,
    ];
    console.check(SCANNED, &answers, &vec![gone, left, "0".into()]);
    Ok(())
}

fn count(flights: &[Flight], holds: impl Fn(&Flight) -> bool) -> String {
    flights
        .iter()
        .filter(|flight| holds(flight))
        .count()
        .to_string()
}

/// The expected rows under the fields of the answer.
fn table(got: &Rows, flights: &[&Flight], row: impl Fn(&Flight) -> Vec<String>) -> Rows {
    Rows {
        fields: got.fields.clone(),
        rows: flights.iter().map(|flight| row(flight)).collect(),
    }
}

fn optional(number: Option<i64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}
