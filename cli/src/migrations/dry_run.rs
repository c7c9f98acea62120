//! `--dry-run`: what would be done, and what a server says of it.

use redis::Value;
use yarr_client::{Block, Direction, Each, Migration, Migrator};

use super::engine::Engine;
use crate::{
    Context, Error, Kind, Outcome, Result,
    output::{BAD, Cell, GOOD},
    server::Server,
};

/// Shows every step of the plans, each on its server.
///
/// The first change of a table is put to the server by `CHECK`; those behind it to a table in memory that is made like
/// the server's.
pub(super) fn run(
    context: &Context,
    migrator: &Migrator,
    plans: Vec<Vec<(Direction, i64)>>,
) -> Result<Outcome> {
    let mut rows = Vec::new();
    let mut refused = 0;
    for (mut server, plan) in context.servers()?.into_iter().zip(plans) {
        let mut engine = Engine::default();
        for (direction, version) in plan {
            let Some(migration) = migrator.find(version) else {
                let what = format!("there is no migration of version {version}");
                return Err(Error::usage(what).at(server.name()));
            };
            let blocks = match direction {
                Direction::Up => migration.up().to_vec(),
                Direction::Down => migration.down()?,
            };
            for block in blocks {
                let (step, said) = look(&mut server, &mut engine, direction, migration, &block)?;
                let said = match said {
                    Ok(text) => Cell::from(text).style(GOOD),
                    Err(text) => {
                        refused += 1;
                        Cell::from(text).style(BAD)
                    }
                };
                rows.push(vec![
                    Cell::from(server.name()),
                    Cell::from(direction.to_string()),
                    Cell::from(version),
                    Cell::from(migration.name()),
                    Cell::from(step),
                    said,
                ]);
            }
        }
    }
    match rows.is_empty() {
        true => context.output.note("nothing to do")?,
        false => {
            let columns = [
                "redis",
                "direction",
                "version",
                "migration",
                "step",
                "result",
            ];
            context.output.table(&columns, &rows)?;
        }
    }
    match refused {
        0 => Ok(Outcome::Done),
        1 => Err(Error::new(
            Kind::Refused,
            "a step would be refused; nothing was done",
        )),
        more => Err(Error::new(
            Kind::Refused,
            format!("{more} steps would be refused; nothing was done"),
        )),
    }
}

/// A step in words, and what would come of it.
fn look(
    server: &mut Server,
    engine: &mut Engine,
    direction: Direction,
    migration: &Migration,
    block: &Block,
) -> Result<(String, Result<String, String>)> {
    match block {
        Block::Table { name, .. } => {
            let step = format!("table {}", name.escape_ascii());
            Ok((step, table(server, engine, direction, migration, name)?))
        }
        Block::Redis(commands) => {
            let many = if commands.len() == 1 { "" } else { "s" };
            Ok((
                "redis".into(),
                Ok(format!("{} command{many}", commands.len())),
            ))
        }
        Block::Each(each) => {
            let keys = count(server, each)?;
            let step = format!("for each key matching {}", each.pattern().escape_ascii());
            Ok((
                step,
                Ok(format!("{keys} key{}", if keys == 1 { "" } else { "s" })),
            ))
        }
    }
}

fn table(
    server: &mut Server,
    engine: &mut Engine,
    direction: Direction,
    migration: &Migration,
    name: &[u8],
) -> Result<Result<String, String>> {
    let seen = engine.tables().iter().any(|table| table == name);
    let schema = redis::cmd("YARR.SCHEMA")
        .arg(name)
        .query::<Vec<String>>(server);
    let found = match schema {
        Ok(operations) => Some(operations),
        Err(error) if error.code() == Some("NOTABLE") => None,
        Err(error) => return Err(Error::from(error).at(server.name())),
    };
    if direction == Direction::Up && (seen || found.is_none()) {
        let said = engine.up(migration, name);
        return Ok(said.map(|_| {
            if seen {
                "OK".into()
            } else {
                "OK, makes the table".into()
            }
        }));
    }
    let mut check = redis::cmd("YARR.SCHEMA");
    check
        .arg(name)
        .arg("CHECK")
        .arg(direction.to_string().to_uppercase())
        .arg(migration.version());
    match direction {
        Direction::Up => {
            check.arg(migration.name());
            migration
                .operations(name)
                .iter()
                .for_each(|word| _ = check.arg(word));
        }
        Direction::Down if seen => return Ok(Ok("after the steps before".into())),
        Direction::Down => {
            if migration.drops_data(name) {
                check.arg("DROP").arg("DATA");
            }
        }
    }
    // What comes behind is worked out from here on. A way down is the server's own secret.
    engine
        .seed(name, &found.unwrap_or_default())
        .map_err(Error::usage)?;
    match check.query::<Value>(server) {
        Ok(answer) => {
            if direction == Direction::Up {
                let _ = engine.up(migration, name);
            }
            Ok(Ok(said(answer)))
        }
        Err(error) if error.is_io_error() => Err(Error::from(error).at(server.name())),
        Err(error) => Ok(Err(Error::from(error).message)),
    }
}

/// What CHECK answers, in words.
fn said(answer: Value) -> String {
    let pairs: Vec<(String, Value)> = redis::from_redis_value(answer).unwrap_or_default();
    let number = |name: &str| {
        let found = pairs.iter().find(|(key, _)| key == name);
        found
            .and_then(|(_, value)| redis::from_redis_value_ref::<u64>(value).ok())
            .unwrap_or_default()
    };
    let result = pairs.iter().find(|(key, _)| key == "result");
    let result = result.and_then(|(_, value)| redis::from_redis_value_ref::<String>(value).ok());
    let result = result.unwrap_or_else(|| "OK".into());
    match number("passes") {
        0 => result,
        _ => format!(
            "{result}, looks at {} records, about {} ms",
            number("records"),
            number("estimate_us").div_ceil(1000)
        ),
    }
}

/// How many keys a `for each` would go through; types aside.
fn count(server: &mut Server, each: &Each) -> Result<usize> {
    let mut nodes = server.primaries()?;
    if nodes.is_empty() {
        nodes.push(String::new());
    }
    let mut keys = std::collections::BTreeSet::new();
    for node in nodes {
        let mut cursor = "0".to_string();
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(&cursor)
                .arg("MATCH")
                .arg(each.pattern())
                .arg("COUNT")
                .arg(1000);
            let page = server.ask(&node, &scan)?.extract_error()?;
            let (next, found): (String, Vec<Vec<u8>>) =
                redis::from_redis_value(page).map_err(redis::RedisError::from)?;
            keys.extend(found);
            cursor = next;
            if cursor == "0" {
                break;
            }
        }
    }
    Ok(keys.len())
}
