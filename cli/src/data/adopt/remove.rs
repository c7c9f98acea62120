//! `yarr adopt --delete-originals`: the hashes go, each only as it was when it was taken over.

use serde::Serialize;

use super::{
    Adopt,
    digest::Digest,
    rows::{compare, id_of},
    scan::{Found, Hash, many, read},
};
use crate::{Error, Outcome, Result, data::row::Row, server::Server};

/// Deletes a hash that still has these fields and no others.
const SCRIPT: &str = "\
if redis.call('HLEN', KEYS[1]) * 2 ~= #ARGV then return 0 end
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) ~= ARGV[i + 1] then return 0 end
end
return redis.call('DEL', KEYS[1])";

/// How many keys are named that stay.
const SHOWN: usize = 20;

#[derive(Debug, Serialize)]
struct Summary {
    table: String,
    pattern: String,
    deleted: u64,
    changed: u64,
    not_adopted: u64,
    beside: u64,
}

impl Adopt<'_> {
    /// Deletes the originals; the answer is no where some stay.
    pub(super) fn remove(&mut self, server: &mut Server) -> Result<Outcome> {
        let pattern = self.scan.pattern.text().to_string();
        let Some(before) = Digest::find(&self.table.name, &pattern, server)? else {
            return Err(Error::usage(format!(
                "nothing was adopted from '{pattern}' into table '{}': adopt first, look at it, and then say --delete-originals",
                self.table.name
            )));
        };
        // What they are now.
        let mut now = Digest::default();
        let scan = self.scan.clone();
        scan.each(server, |_, found| {
            for hash in hashes(&found) {
                now.add(hash);
            }
            Ok(())
        })?;
        let (mut deleted, mut changed, mut not_adopted, mut beside) = (0, 0, 0, 0);
        let mut shown = Vec::new();
        scan.each(server, |server, found| {
            let same = self.are_recorded(server, &found)?;
            beside += u64::try_from(found.len() - hashes(&found).count()).unwrap_or_default();
            let mut going = Vec::new();
            for (hash, same) in hashes(&found).zip(same) {
                match (same, now.is_same(&before, hash)) {
                    (Some(true), _) | (Some(false), true) => going.push(hash),
                    (Some(false), false) => {
                        changed += 1;
                        shown.push((hash.key.clone(), "it has changed since it was adopted"));
                    }
                    (None, _) => {
                        not_adopted += 1;
                        shown.push((hash.key.clone(), "it has no record"));
                    }
                }
            }
            shown.truncate(SHOWN);
            let (gone, stayed) = delete(server, &going)?;
            deleted += gone;
            changed += stayed;
            Ok(())
        })?;
        if changed + not_adopted == 0 {
            Digest::forget(&self.table.name, &pattern, server)?;
        }
        let output = &self.context.output;
        for (key, why) in &shown {
            output.note(&format!("{} stays: {why}", String::from_utf8_lossy(key)))?;
        }
        match output.is_json() {
            true => output.json(&Summary {
                table: self.table.name.clone(),
                pattern,
                deleted,
                changed,
                not_adopted,
                beside,
            })?,
            false => {
                let stay = changed + not_adopted;
                output.line(&format!("{deleted} hashes deleted, {stay} stay"))?;
                if beside > 0 {
                    output.note(&format!(
                        "{beside} other keys match '{pattern}' and were left alone: what a library keeps beside its records"
                    ))?;
                }
            }
        }
        Ok(match changed + not_adopted {
            0 => Outcome::Done,
            _ => Outcome::No,
        })
    }

    /// Of each hash whether its record says the same; nothing where there is none.
    fn are_recorded(&mut self, server: &mut Server, found: &[Found]) -> Result<Vec<Option<bool>>> {
        let mut rows = Vec::new();
        for hash in hashes(found) {
            let mut row = Row::default();
            let fits = self.rows.fill(hash, &mut row).is_ok();
            rows.push((row, fits));
        }
        self.mapping.meet(self.rows.columns.names(), &self.table);
        let ids: Vec<&[u8]> = rows
            .iter()
            .map(|(row, _)| id_of(row, &self.mapping).unwrap_or_default())
            .collect();
        let mut same = Vec::new();
        self.records(server, &ids, |at, record| {
            same.push(match (record, rows.get(at)) {
                (Some(record), Some((row, true))) => {
                    let compared = compare(row, record, &self.table, &self.mapping, &self.reading);
                    Some(compared.is_ok())
                }
                (Some(_), _) => Some(false),
                (None, _) => None,
            });
        })?;
        Ok(same)
    }
}

fn hashes(found: &[Found]) -> impl Iterator<Item = &Hash> {
    found.iter().filter_map(|found| match found {
        Found::Hash(hash) => Some(hash),
        _ => None,
    })
}

/// Deletes hashes that are what they were when they were read; how many went, and how many stayed.
fn delete(server: &mut Server, hashes: &[&Hash]) -> Result<(u64, u64)> {
    let (mut gone, mut stayed) = (0, 0);
    if hashes.is_empty() {
        return Ok((0, 0));
    }
    let commands: Vec<redis::Cmd> = hashes
        .iter()
        .map(|hash| {
            let mut command = redis::cmd("EVAL");
            command.arg(SCRIPT).arg(1).arg(&hash.key);
            for (name, value) in hash.fields.iter().take(hash.own) {
                command.arg(name).arg(value);
            }
            command
        })
        .collect();
    let answers = match server.is_cluster() {
        false => many(server, None, &commands)?,
        true => {
            let ask = |command| redis::ConnectionLike::req_command(server, command);
            commands
                .iter()
                .map(ask)
                .collect::<redis::RedisResult<_>>()?
        }
    };
    for answer in answers {
        match read::<i64>(answer)? {
            0 => stayed += 1,
            _ => gone += 1,
        }
    }
    Ok((gone, stayed))
}
