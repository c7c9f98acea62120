//! A month of flights out of New York City, read from the CSV and loaded as it stands there.

use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use csv::StringRecord;
use flate2::read::GzDecoder;

use crate::console::Console;
use crate::reply::{items, text};

/// The columns that are loaded, in the order of the fields.
const COLUMNS: &str = "time_hour carrier flight tailnum origin dest distance \
                       sched_dep_time dep_time dep_delay arr_delay air_time";
/// Records a command.
const BATCH: usize = 1000;

/// A line of the CSV: what the expected answers are worked out from.
pub struct Flight {
    /// The number of the line, from 1; the table's ids must come out the same.
    pub id: i64,
    /// The hour of the scheduled departure, in milliseconds since 1970 UTC.
    pub time_hour: i64,
    pub carrier: String,
    pub flight: i64,
    pub tailnum: Option<String>,
    pub origin: String,
    pub dest: String,
    /// Miles.
    pub distance: i64,
    /// Local time as a number, 1745 for a quarter to six in the evening.
    pub sched_dep_time: i64,
    /// The same; none for a flight that did not leave.
    pub dep_time: Option<i64>,
    /// Minutes.
    pub dep_delay: Option<i64>,
    /// Minutes.
    pub arr_delay: Option<i64>,
    /// Minutes.
    pub air_time: Option<i64>,
    /// The values of `COLUMNS` as the CSV writes them.
    tokens: Vec<String>,
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/data")
        .join(name)
}

/// Reads every flight of the CSV.
pub fn read() -> Result<Vec<Flight>, Box<dyn Error>> {
    let mut reader =
        csv::Reader::from_reader(GzDecoder::new(File::open(data("flights-2013-01.csv.gz"))?));
    let header = reader.headers()?.clone();
    let columns: Vec<usize> = COLUMNS
        .split(' ')
        .map(|name| header.iter().position(|column| column == name))
        .collect::<Option<_>>()
        .ok_or("a column is missing in the CSV")?;
    let records: Vec<StringRecord> = reader.records().collect::<Result<_, _>>()?;
    records
        .iter()
        .zip(1..)
        .map(|(record, id)| {
            let tokens = columns
                .iter()
                .filter_map(|&n| record.get(n))
                .map(str::to_owned);
            flight(id, tokens.collect())
                .ok_or_else(|| format!("line {id} of the CSV is odd").into())
        })
        .collect()
}

/// `None` where a value is not what its column promises.
fn flight(id: i64, tokens: Vec<String>) -> Option<Flight> {
    let some = |n: usize| tokens.get(n).filter(|token| *token != "NA");
    let string = |n| some(n).cloned();
    let number = |n| -> Option<i64> { some(n)?.parse().ok() };
    Some(Flight {
        id,
        time_hour: milliseconds(tokens.first()?)?,
        carrier: string(1)?,
        flight: number(2)?,
        tailnum: string(3),
        origin: string(4)?,
        dest: string(5)?,
        distance: number(6)?,
        sched_dep_time: number(7)?,
        dep_time: number(8),
        dep_delay: number(9),
        arr_delay: number(10),
        air_time: number(11),
        tokens,
    })
}

/// `2013-01-31T10:00:00Z` and the first days of February as milliseconds since 1970.
fn milliseconds(text: &str) -> Option<i64> {
    /// 1 January 2013, in hours since 1970.
    const NEW_YEAR: i64 = 376_944;
    let rest = text.strip_prefix("2013-0")?;
    let month: i64 = rest.get(..1)?.parse().ok().filter(|month| *month <= 2)?;
    let day: i64 = rest.get(2..4)?.parse().ok()?;
    let hour: i64 = rest.get(5..7)?.parse().ok()?;
    let hours = NEW_YEAR + ((month - 1) * 31 + day - 1) * 24 + hour;
    (rest.get(7..)? == ":00:00Z").then_some(hours * 3_600_000)
}

/// Makes the tables `airline` and `flight` and fills them.
pub fn load(console: &mut Console, flights: &[Flight]) -> Result<(), Box<dyn Error>> {
    console.chapter("2. A month of flights");
    let carriers = load_airlines(console)?;

    console.say("Twelve typed fields, nine indexes; the past needs no timestamps of ours.");
    let answer = console.scalar(&format!(
        "YARR.MIGRATE flight UP 20130101000000 create_flight TIMESTAMPS OFF \
         ADD FIELD time_hour DATETIME NOT NULL INDEX ADD FIELD carrier ENUM ( {carriers} ) BITMAP \
         ADD FIELD flight INTEGER ADD FIELD tailnum STRING \
         ADD FIELD origin ENUM ( EWR JFK LGA ) BITMAP ADD FIELD dest STRING INDEX \
         ADD FIELD distance INTEGER INDEX ADD FIELD sched_dep_time INTEGER \
         ADD FIELD dep_time INTEGER INDEX ADD FIELD dep_delay INTEGER INDEX \
         ADD FIELD arr_delay INTEGER INDEX ADD FIELD air_time INTEGER \
         ADD INDEX tailnum time_hour"
    ))?;
    console.check("applied at once", &answer, &"OK".into());

    console.say(&format!(
        "The CSV goes in as it is, {BATCH} records a command; its NA is null."
    ));
    console.echo(&format!(
        "YARR.CREATE flight NULL NA FIELDS 12 {COLUMNS} VALUES ..."
    ));
    let start = Instant::now();
    let mut ids = Vec::with_capacity(flights.len());
    for batch in flights.chunks(BATCH) {
        let mut tokens = vec!["YARR.CREATE", "flight", "NULL", "NA", "FIELDS", "12"];
        tokens.extend(COLUMNS.split(' '));
        tokens.push("VALUES");
        tokens.extend(
            batch
                .iter()
                .flat_map(|flight| &flight.tokens)
                .map(String::as_str),
        );
        let answer = console.send_tokens(&tokens)?;
        ids.extend(
            items(&answer)
                .iter()
                .map(|id| text(id).parse().unwrap_or(0)),
        );
    }
    let seconds = start.elapsed().as_secs_f64();
    let bytes: usize = text(&console.send("MEMORY USAGE flight SAMPLES 0")?).parse()?;
    console.answer(&format!(
        "{} flights in {seconds:.2} s ({:.0} a second, seen from here), {:.1} MB with all indexes.",
        ids.len(),
        ids.len() as f64 / seconds,
        bytes as f64 / 1e6
    ));
    let expected: Vec<i64> = flights.iter().map(|flight| flight.id).collect();
    console.check("ids count the lines of the CSV", &(ids == expected), &true);
    let count = console.scalar("YARR.WHERE flight * COUNT")?;
    console.check("27,004 lines", &count, &"27004".into());
    Ok(())
}

/// Answers the carriers' codes, between spaces.
fn load_airlines(console: &mut Console) -> Result<String, Box<dyn Error>> {
    console.say("The airlines; a carrier's code is its id.");
    let answer = console.scalar(
        "YARR.MIGRATE airline UP 20130101000000 create_airline ID STRING TIMESTAMPS OFF \
         ADD FIELD name STRING NOT NULL",
    )?;
    console.check("applied at once", &answer, &"OK".into());
    let mut reader = csv::Reader::from_path(data("airlines.csv"))?;
    let airlines: Vec<StringRecord> = reader.records().collect::<Result<_, _>>()?;
    let mut tokens = vec![
        "YARR.CREATE",
        "airline",
        "FIELDS",
        "2",
        "id",
        "name",
        "VALUES",
    ];
    tokens.extend(airlines.iter().flatten());
    console.send_tokens(&tokens)?;
    let got = console.records("YARR.FIND airline IDS 3 HA XX B6", "id name")?;
    let names: Vec<_> = got
        .rows
        .iter()
        .filter_map(|row| row.last().cloned())
        .collect();
    console.check(
        "in the order asked, with a null between",
        &names,
        &["Hawaiian Airlines Inc.", "", "JetBlue Airways"]
            .map(str::to_owned)
            .to_vec(),
    );
    let codes: Vec<&str> = airlines
        .iter()
        .filter_map(|airline| airline.get(0))
        .collect();
    Ok(codes.join(" "))
}
