//! From the text of the file to a [`Config`], every complaint with its place.

use std::{collections::BTreeMap, ops::Range, path::Path};

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{Config, KINDS, Source, Table, Target, Wanted, nearest};
use crate::{
    address::Address,
    error::{Error, Result},
    variables::plain,
};

/// What is wrong, and where in the text.
struct Complaint {
    span: Range<usize>,
    message: String,
}

type Found<T> = std::result::Result<T, Complaint>;

/// A value of the file, a table as a rule.
type Section<'t> = Spanned<DeValue<'t>>;

/// The targets by name; those that are not wanted are not looked at.
type Targets = BTreeMap<String, Option<Target>>;

/// The keys of the file.
const TOP: [&str; 9] = [
    "source", "target", "s3", "copy", "table", "retry", "history", "notify", "metrics",
];

pub(super) fn read(path: &Path, text: &str, wanted: &Wanted) -> Result<Config> {
    whole(path, text, wanted).map_err(|complaint| {
        let before = text.get(..complaint.span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default();
        let column = column.chars().count() + 1;
        Error::usage(complaint.message).at(format_args!("{}:{line}:{column}", path.display()))
    })
}

fn whole(path: &Path, text: &str, wanted: &Wanted) -> Found<Config> {
    let tree = DeTable::parse(text).map_err(|error| refused(&error))?;
    let mut top = tree.into_inner();
    if let Some(key) = top
        .keys()
        .find(|key| !TOP.contains(&key.get_ref().as_ref()))
    {
        return Err(complaint(key.span(), unknown(key.get_ref(), &TOP)));
    }
    let mut section = |name: &str| top.remove(name);
    let base = path.parent().unwrap_or(Path::new(""));
    let source = source(section("source"), wanted, base)?;
    let s3 = section("s3").map(read_as).transpose()?;
    let targets = targets(section("target"), wanted, base, s3.is_some())?;
    let tables = tables(section("table"), &targets)?;
    let mut metrics: super::Metrics = read_or(section("metrics"))?;
    metrics.file = metrics.file.map(|file| base.join(file));
    Ok(Config {
        source,
        targets: targets
            .into_iter()
            .filter_map(|(name, target)| Some((name, target?)))
            .collect(),
        s3,
        tables,
        copy: read_or(section("copy"))?,
        retry: read_or(section("retry"))?,
        history: read_or(section("history"))?,
        notify: read_or(section("notify"))?,
        metrics,
    })
}

fn source(section: Option<Section<'_>>, wanted: &Wanted, base: &Path) -> Found<Source> {
    let none = "expected [source] with url = \"redis://host:port\", found none";
    let mut section = match (section, &wanted.source) {
        (Some(section), _) => section,
        (None, Some(_)) => Spanned::new(0..0, DeValue::Table(DeTable::new())),
        (None, None) => return Err(complaint(0..0, none)),
    };
    if let (Some(url), DeValue::Table(table)) = (&wanted.source, section.get_mut()) {
        Address::parse(url).map_err(|error| complaint(0..0, format!("--url: {error}")))?;
        // The file's own is not looked at: its variables need not be set.
        let url = DeValue::String(url.clone().into());
        table.insert(Spanned::new(0..0, "url".into()), Spanned::new(0..0, url));
    }
    let place = places(&section);
    let mut source: Source = read_linked(section)?;
    let settled = source.settle(|file| base.join(file));
    settled.map_err(|(key, message)| complaint(place(key), message))?;
    Ok(source)
}

fn targets(section: Option<Section<'_>>, wanted: &Wanted, base: &Path, s3: bool) -> Found<Targets> {
    let none = "expected a target, [target.NAME] with kind = \"postgres\", found none";
    let section = section.ok_or_else(|| complaint(0..0, none))?;
    let span = section.span();
    let DeValue::Table(all) = section.into_inner() else {
        return Err(complaint(span, none));
    };
    let mut targets = Targets::new();
    for (name, section) in all {
        let name = name.into_inner().into_owned();
        let is_wanted = wanted.targets.is_empty() || wanted.targets.contains(&name);
        let target = is_wanted.then(|| target(&name, section, base, s3));
        targets.insert(name, target.transpose()?);
    }
    match wanted
        .targets
        .iter()
        .find(|name| !targets.contains_key(*name))
    {
        Some(name) => Err(complaint(span, no_target(name, &targets))),
        None => Ok(targets),
    }
}

fn target(name: &str, mut section: Section<'_>, base: &Path, s3: bool) -> Found<Target> {
    let span = section.span();
    let kinds = "kind = \"redshift\", \"postgres\" or \"files\"";
    let DeValue::Table(table) = section.get_mut() else {
        return Err(complaint(span, format!("expected a table [target.{name}]")));
    };
    let kind = table.remove("kind");
    let kind = kind.ok_or_else(|| {
        complaint(
            span.clone(),
            format!("expected {kinds} in [target.{name}], found none"),
        )
    })?;
    let word = kind.get_ref().as_str().unwrap_or_default();
    let mut target = match word {
        "redshift" => Target::Redshift(read_linked(section)?),
        "postgres" => Target::Postgres(read_linked(section)?),
        "files" => Target::Files(read_as(section)?),
        _ => {
            let hint = nearest(word, KINDS).map(|near| format!("; did you mean '{near}'?"));
            let message = format!("expected {kinds}{}", hint.unwrap_or_default());
            return Err(complaint(kind.span(), message));
        }
    };
    if target.wants_s3() && !s3 {
        let message =
            format!("expected [s3] with bucket = \"NAME\" for target '{name}', found none");
        return Err(complaint(span, message));
    }
    target.settle(base);
    Ok(target)
}

fn tables(section: Option<Section<'_>>, targets: &Targets) -> Found<Vec<Table>> {
    let none = "expected a table, [[table]] with name = \"NAME\", found none";
    let section = section.ok_or_else(|| complaint(0..0, none))?;
    let span = section.span();
    let DeValue::Array(all) = section.into_inner() else {
        return Err(complaint(
            span,
            "expected [[table]] in double brackets, for there may be several",
        ));
    };
    let mut tables: Vec<Table> = Vec::new();
    for section in all {
        let place = places(&section);
        let table: Table = read_as(section)?;
        if let Some(name) = table
            .targets
            .iter()
            .find(|name| !targets.contains_key(*name))
        {
            return Err(complaint(place("target"), no_target(name, targets)));
        }
        if let Some((key, message)) = table.idle() {
            return Err(complaint(place(key), message));
        }
        let taken = |other: &&Table| {
            let both = |target: &&String| table.goes_to(target) && other.goes_to(target);
            other.into_name() == table.into_name() && targets.keys().any(|target| both(&target))
        };
        if tables.iter().find(taken).is_some() {
            let key = if table.into.is_some() { "into" } else { "name" };
            let message = format!(
                "expected a table of its own for each, found '{}' twice; give one another by into",
                table.into_name()
            );
            return Err(complaint(place(key), message));
        }
        tables.push(table);
    }
    Ok(tables)
}

fn no_target(name: &str, targets: &Targets) -> String {
    let names = || targets.keys().map(String::as_str);
    match nearest(name, names()) {
        Some(near) => format!("there is no target '{name}'; did you mean '{near}'?"),
        None => format!(
            "there is no target '{name}'; expected one of {}",
            names().collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Where the values of a section's keys stand; of a key that it lacks, where the section does.
fn places(section: &Section<'_>) -> impl Fn(&str) -> Range<usize> + use<> {
    let span = section.span();
    let table = section.get_ref().as_table().into_iter().flatten();
    let places: BTreeMap<String, Range<usize>> = table
        .map(|(key, value)| (key.get_ref().to_string(), value.span()))
        .collect();
    move |key| places.get(key).unwrap_or(&span).clone()
}

fn read_or<T: DeserializeOwned + Default>(section: Option<Section<'_>>) -> Found<T> {
    section.map_or(Ok(T::default()), read_as)
}

fn read_as<T: DeserializeOwned>(mut section: Section<'_>) -> Found<T> {
    expand(&mut section)?;
    parsed(section)
}

/// The same of a section whose `url` is read by what knows where a variable needs escapes in it.
fn read_linked<T: DeserializeOwned>(mut section: Section<'_>) -> Found<T> {
    if let DeValue::Table(table) = section.get_mut() {
        table
            .iter_mut()
            .filter(|(key, _)| key.get_ref() != "url")
            .try_for_each(|(_, value)| expand(value))?;
    }
    parsed(section)
}

fn parsed<T: DeserializeOwned>(section: Section<'_>) -> Found<T> {
    T::deserialize(ValueDeserializer::from(section)).map_err(|error| refused(&error))
}

/// Puts variables into texts.
fn expand(value: &mut Section<'_>) -> Found<()> {
    let span = value.span();
    match value.get_mut() {
        DeValue::String(text) if text.contains("${") => {
            *text = plain(text)
                .map_err(|error| complaint(span, error.message))?
                .into();
            Ok(())
        }
        DeValue::Array(items) => items.iter_mut().try_for_each(expand),
        DeValue::Table(table) => table.iter_mut().try_for_each(|(_, value)| expand(value)),
        _ => Ok(()),
    }
}

fn complaint(span: Range<usize>, message: impl Into<String>) -> Complaint {
    Complaint {
        span,
        message: message.into(),
    }
}

/// What serde says, in the words of this tool.
fn refused(error: &toml::de::Error) -> Complaint {
    let said = error.message().trim();
    let message = if let Some((word, names)) = between(said, "unknown field `") {
        unknown(word, &listed(names))
    } else if let Some((word, names)) = between(said, "unknown variant `") {
        let names = listed(names);
        let hint =
            nearest(word, names.iter().copied()).map(|near| format!("; did you mean '{near}'?"));
        format!(
            "expected one of {}, found '{word}'{}",
            names.join(", "),
            hint.unwrap_or_default()
        )
    } else if let Some((word, _)) = between(said, "missing field `") {
        format!("expected the key '{word}', found none")
    } else if let Some((found, expected)) = said
        .strip_prefix("invalid type: ")
        .or(said.strip_prefix("invalid value: "))
        .and_then(|said| said.split_once(", expected "))
    {
        format!("expected {expected}, found {found}")
    } else {
        said.into()
    };
    complaint(error.span().unwrap_or_default(), message)
}

/// The word behind a beginning, to the next backtick, and what follows.
fn between<'s>(said: &'s str, begin: &str) -> Option<(&'s str, &'s str)> {
    said.strip_prefix(begin)?.split_once('`')
}

/// The words between backticks.
fn listed(names: &str) -> Vec<&str> {
    names.split('`').skip(1).step_by(2).collect()
}

fn unknown(word: &str, names: &[&str]) -> String {
    match nearest(word, names.iter().copied()) {
        Some(near) => format!("unknown key '{word}'; did you mean '{near}'?"),
        None => format!("unknown key '{word}'; expected one of {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests;
