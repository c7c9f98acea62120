//! `yarr generate migration`.

use std::{fs, io::Write as _};

use clap::{Args, Subcommand};
use jiff::{Timestamp, tz::TimeZone};
use yarr_client::Migration;

use super::{
    files::Files,
    names::Wish,
    template::{self, Field},
};
use crate::{Context, Error, Outcome, Result};

/// The arguments of `yarr generate`.
#[derive(Debug, Args)]
pub struct Generate {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write a migration to begin with
    Migration(New),
}

impl Generate {
    /// Does it.
    ///
    /// # Errors
    /// Where a field cannot be one, or the file cannot be written.
    pub fn run(self, context: &Context) -> Result<Outcome> {
        match self.what {
            What::Migration(new) => new.run(context),
        }
    }
}

/// Write a migration to begin with.
///
/// What it does is taken from its name: create_user makes the table user, add_email_to_user gives it a field,
/// remove_email_from_user takes one away, rename_a_to_b_in_user renames one.
#[derive(Debug, Args)]
#[command(after_help = "\
Fields are name:type[:index][:required][:default=value]; types are integer, float, boolean, datetime, string, uuid,
tags and enum(a,b,c); indexes are index, unique and bitmap; user:references is user_id:integer:index.

Examples:
  yarr generate migration create_user_session user_id:integer:index session_id:string:unique --ttl 2h
  yarr generate migration add_state_to_job 'state:enum(new,done):default=new:bitmap'
  yarr generate migration remove_age_from_user
  yarr generate migration rename_users --redis")]
struct New {
    /// What it is called
    name: String,
    /// The fields
    fields: Vec<String>,
    /// The table, where the name does not say it
    #[arg(long)]
    table: Option<String>,
    /// How long a record lives from each write on (30s, 2h, 7d)
    #[arg(long, value_name = "SPAN")]
    ttl: Option<String>,
    /// An index over these fields, such as user_id,created_at
    #[arg(long, value_name = "FIELDS")]
    index: Vec<String>,
    /// A unique index over these fields
    #[arg(long, value_name = "FIELDS")]
    unique: Vec<String>,
    /// The type of the ids (integer, uuid, string)
    #[arg(long, value_name = "TYPE", value_parser = ["integer", "uuid", "string"])]
    id: Option<String>,
    /// Without created_at and updated_at
    #[arg(long)]
    no_timestamps: bool,
    /// With a change feed, by which the table can be replicated
    #[arg(long)]
    changes: bool,
    /// A migration of plain keys
    #[arg(long, conflicts_with_all = ["table", "ttl", "index", "unique", "id", "no_timestamps", "changes", "fields"])]
    redis: bool,
    /// The version, instead of the time
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    version: Option<i64>,
}

impl New {
    fn run(self, context: &Context) -> Result<Outcome> {
        let files = Files::read(context)?;
        let version = match self.version {
            Some(version) => version,
            None => next(&files)?,
        };
        if let Some((path, _)) = files.all.get(&version) {
            let message = format!("version {version} is there already: {}", path.display());
            return Err(Error::usage(message));
        }
        let base = format!("{version}_{}.yarr", self.name);
        if Migration::file_name(&base).is_none() {
            return Err(Error::usage(format!(
                "expected a name of letters, digits, '_' and '-', found '{}'",
                self.name
            )));
        }
        let text = match self.redis {
            true => PLAIN.to_string(),
            false => self.text()?,
        };
        let folder = &context.environment()?.folder;
        let path = folder.join(&base);
        let cannot = |error: std::io::Error| {
            Error::usage(format!("cannot write {}: {error}", path.display()))
        };
        fs::create_dir_all(folder).map_err(cannot)?;
        let mut file = fs::File::create_new(&path).map_err(cannot)?;
        file.write_all(text.as_bytes()).map_err(cannot)?;
        let document = serde_json::json!({ "file": path, "version": version, "name": self.name });
        context.output.json(&document)?;
        context.output.line(&format!("wrote {}", path.display()))?;
        Ok(Outcome::Done)
    }

    /// The file: operations where name and fields say some, else comments to fill in.
    fn text(&self) -> Result<String> {
        let fields = self.fields.iter().map(|text| Field::parse(text));
        let fields: Vec<Field> = fields.collect::<Result<_>>()?;
        let wish = Wish::of(&self.name);
        let mut operations = Vec::new();
        let mut remark = "";
        let table = match &wish {
            Wish::Remove(table, field) => {
                match fields.is_empty() {
                    true => operations.extend(Field::parse(field)?.removed()),
                    false => operations.extend(fields.iter().flat_map(Field::removed)),
                }
                remark = "    # Values go for good where the table has records; say so:\n    # drop data\n";
                Some(table)
            }
            Wish::Rename(table, from, to) => {
                operations.push(format!("RENAME FIELD {from} TO {to}"));
                Some(table)
            }
            Wish::Create(table) | Wish::Add(table) => {
                operations.extend(self.head());
                operations.extend(fields.iter().map(Field::added));
                Some(table)
            }
            Wish::Unknown => {
                operations.extend(self.head());
                operations.extend(fields.iter().map(Field::added));
                None
            }
        };
        for (indexes, suffix) in [(&self.index, ""), (&self.unique, " UNIQUE")] {
            for index in indexes {
                operations.push(template::index(index, suffix)?);
            }
        }
        if let Some(ttl) = &self.ttl {
            operations.push(template::ttl(ttl)?);
        }
        let Some(table) = self.table.as_ref().or(table) else {
            return match operations.is_empty() {
                true => Ok(EMPTY.into()),
                false => Err(Error::usage(format!(
                    "expected a table: name it with --table, or call the migration add_..._to_table, found '{}'",
                    self.name
                ))),
            };
        };
        if operations.is_empty() {
            return Ok(format!(
                "up\n  table {table}\n    # ADD FIELD name STRING INDEX\n\ndown\n"
            ));
        }
        let operations = operations.join("\n    ");
        let text = format!(
            "up\n  table {table}\n    {operations}\n{remark}\n# The server works out the way back; what throws values away has to be said.\ndown\n  # drop data\n"
        );
        // What is written must be what it looks like: a table's name may need quotes.
        match Migration::parse("1_a.yarr", &text) {
            Ok(_) => Ok(text),
            Err(error) => Err(Error::usage(format!("no migration comes of this: {error}"))),
        }
    }

    /// What a table begins with.
    fn head(&self) -> Vec<String> {
        let id = self.id.iter().map(|id| format!("ID {}", id.to_uppercase()));
        let times = self.no_timestamps.then(|| "TIMESTAMPS OFF".to_string());
        let changes = self.changes.then(|| "CHANGES ON".to_string());
        id.chain(times).chain(changes).collect()
    }
}

/// The version of this moment, above all that there are.
fn next(files: &Files) -> Result<i64> {
    let now = Timestamp::now()
        .to_zoned(TimeZone::UTC)
        .strftime("%Y%m%d%H%M%S")
        .to_string();
    let now = now
        .parse()
        .map_err(|_| Error::usage(format!("the clock says {now}")))?;
    let last = files.all.keys().next_back().copied().unwrap_or_default();
    Ok(last.saturating_add(1).max(now))
}

const EMPTY: &str = "\
up
  # table user
  #   ADD FIELD name STRING INDEX
  # redis
  #   SET feature:users on
  # for each key matching 'user:*' type hash
  #   HSETNX {key} plan free
  # end

down
";

const PLAIN: &str = "\
up
  # redis
  #   SET feature:users on
  # for each key matching 'user:*' type hash batch 500
  #   HSETNX {key} plan free
  #   RENAME {key} account:{1}
  # end

# Plain keys come back only by what stands here; an empty section permits to go down all the same.
down
  # redis
  #   DEL feature:users
";
