//! A leaderboard: scores go up, the best and one's own rank are asked for, players are met by country.
//!
//!     REDIS_URL=redis://127.0.0.1:6380/ cargo run -p yarr-client-programs --bin leaderboard

use std::{env, error::Error};

use redis::Connection;
use yarr_client::{Migration, Migrator, pipeline, prelude::*};

#[derive(Debug, Clone, PartialEq, Record)]
#[record(table = "player", index("score", "id"), index("country", "score"))]
struct Player {
    id: String,
    country: String,
    #[record(default = "0")]
    score: i64,
}

fn migrator() -> Migrator {
    Migrator::new().with(Migration::new(20260101000000, "create_player").table(
        "player",
        "ID STRING TIMESTAMPS OFF \
         ADD FIELD country STRING NOT NULL \
         ADD FIELD score INTEGER NOT NULL DEFAULT 0 \
         ADD INDEX score @id \
         ADD INDEX country score",
    ))
}

/// One more than those who are better; the count is read off the index.
fn rank(connection: &mut Connection, score: i64) -> yarr_client::Result<u64> {
    Ok(1 + Player::query()
        .filter(Player::fields().score.gt(score))
        .count()
        .run(connection)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6380/".into());
    let mut connection = redis::Client::open(url)?.get_connection()?;
    migrator().up(&mut connection)?;
    Player::check().run(&mut connection)?.into_result()?;
    let f = Player::fields();

    // Whoever plays again keeps the score there is.
    let players = [
        ("ann", "NZ"),
        ("bob", "NO"),
        ("cy", "NZ"),
        ("dee", "KE"),
        ("eve", "NO"),
    ];
    let joined = players.map(|(id, country)| (f.id.set(id), f.country.set(country)));
    Player::create_many(joined)
        .or_keep(f.id)
        .run(&mut connection)?;

    let games = [
        ("ann", 30),
        ("bob", 25),
        ("cy", 50),
        ("dee", 40),
        ("eve", 5),
        ("bob", 20),
        ("eve", 15),
    ];
    let scored: Vec<_> = games
        .iter()
        .map(|(id, points)| Player::increment(*id, f.score, *points))
        .collect();
    for score in pipeline(scored).run(&mut connection)? {
        score?;
    }

    println!("The best:");
    for player in Player::query()
        .order(f.score.desc())
        .limit(3)
        .load()
        .run(&mut connection)?
    {
        println!("  {} {} ({})", player.score, player.id, player.country);
    }
    let eve = Player::find("eve")
        .run(&mut connection)?
        .ok_or("eve has left")?;
    println!("{} is number {}", eve.id, rank(&mut connection, eve.score)?);
    let above = Player::query()
        .filter(f.score.gt(eve.score))
        .order(f.score.asc())
        .first();
    if let Some(next) = above.run(&mut connection)? {
        println!("{} to go to {}", next.score - eve.score, next.id);
    }

    println!("By country:");
    let countries =
        Player::query()
            .group_by(f.country)
            .aggregate((max(f.score), avg(f.score), count()));
    for (country, (best, mean, players)) in
        countries.order(max(f.score).desc()).run(&mut connection)?
    {
        println!(
            "  {country}: best {}, mean {} of {players}",
            best.unwrap_or(0),
            mean.unwrap_or(0.0)
        );
    }
    Ok(())
}
