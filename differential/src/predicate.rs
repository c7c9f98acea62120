//! Predicates at random, in both languages.

use crate::{
    engine::{Words, words},
    operand::{Operand, known},
    random::Random,
    schema::{Field, Schema},
    sql::Sql,
    value::{Kind, Value, blob, bytes, tag, tags},
};

/// What questions are made of.
pub struct Asker<'a> {
    /// The table.
    pub schema: &'a Schema,
    /// What draws them.
    pub random: &'a mut Random,
    /// The clock.
    pub now: i64,
    /// Values that records had, field by field.
    pub seen: &'a [(&'static str, Value)],
    /// The fields that this question is mostly about.
    pub about: Vec<Field>,
}

/// How a predicate hangs together, loosest first.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Binding {
    Or,
    And,
    Not,
    Whole,
}

type Both = (Words, Sql, Binding);

impl Asker<'_> {
    /// A predicate, `*` now and then, and its SQL, which asks for records that live.
    pub fn predicate(&mut self) -> (Words, Sql) {
        let live = Sql::of(format!(
            "(\"expires_at\" IS NULL OR \"expires_at\" > {})",
            self.now
        ));
        if self.random.chance(6) {
            return (words(["*", "ALL"][self.random.below(2)]), live);
        }
        let depth = *self.random.pick(&[0, 0, 1, 1, 2, 3, 4]);
        let (words, sql, _) = match self.random.chance(15) && self.about[0].sorts() {
            true => self.pointed(),
            false => self.node(depth),
        };
        (words, live.say(" AND (").then(&sql).say(")"))
    }

    /// A few values of one field, and perhaps another condition: what walks are merged for.
    fn pointed(&mut self) -> Both {
        let field = self.about[0].clone();
        let count = 2 + self.random.below(3);
        let operands: Vec<Operand> = (0..count).map(|_| self.operand(&field)).collect();
        let mut said = vec![field.word(self.random), "IN".into()];
        said.push(operands.len().to_string().into());
        said.extend(operands.iter().map(|operand| operand.word.clone()));
        let few = one_of(&field.column(), &operands);
        if self.random.chance(50) {
            return (said, few, Binding::Whole);
        }
        let other = self.condition();
        said.push("AND".into());
        said.extend(other.0);
        let parts = ["(", ") AND (", ")"].map(Sql::of);
        let [open, and, close] = &parts;
        let sql = open.clone().then(&few).then(and).then(&other.1).then(close);
        (said, sql, Binding::And)
    }

    fn node(&mut self, depth: usize) -> Both {
        if depth == 0 {
            return self.condition();
        }
        let (mut said, sql, binding) = match self.random.below(7) {
            0..=2 => self.joined(depth, "AND", Binding::And),
            3..=5 => self.joined(depth, "OR", Binding::Or),
            _ => {
                let mut said = words(["NOT", "not", "NOT NOT"][self.random.below(3)]);
                let twice = said.len() == 2;
                let inner = self.node(depth - 1);
                said.extend(grouped(&inner, Binding::Not));
                let not = if twice { "NOT NOT (" } else { "NOT (" };
                (said, Sql::of(not).then(&inner.1).say(")"), Binding::Not)
            }
        };
        if self.random.chance(10) {
            said.insert(0, "(".into());
            said.push(")".into());
            return (said, sql, Binding::Whole);
        }
        (said, sql, binding)
    }

    fn joined(&mut self, depth: usize, word: &str, binding: Binding) -> Both {
        let mut said = Words::new();
        let mut parts = Vec::new();
        for at in 0..2 + self.random.below(3) {
            let depth = if at == 0 {
                depth - 1
            } else {
                self.random.below(depth)
            };
            let part = self.node(depth);
            if at > 0 {
                said.push(word.into());
            }
            said.extend(grouped(&part, binding));
            parts.push(Sql::of("(").then(&part.1).say(")"));
        }
        (said, Sql::join(&parts, &format!(" {word} ")), binding)
    }

    /// A field; now and then one of the server's own.
    fn field(&mut self) -> Field {
        match self.random.chance(60) {
            true => self.random.pick(&self.about).clone(),
            false => self.random.pick(&self.schema.fields).clone(),
        }
    }

    fn operand(&mut self, field: &Field) -> Operand {
        let seen = self.seen.iter().filter(|(name, _)| *name == field.name);
        let seen: Vec<Value> = seen.map(|(_, value)| value.clone()).collect();
        Operand::random(field, &seen, self.now, self.random)
    }

    fn condition(&mut self) -> Both {
        let field = self.field();
        let column = field.column();
        let mut said = vec![field.word(self.random)];
        let sql = match (self.random.below(12), &field.kind) {
            (0, _) => {
                said.extend(words("IS NULL"));
                Sql::of(format!("{column} IS NULL"))
            }
            (1, _) => {
                said.extend(words("is not null"));
                Sql::of(format!("{column} IS NOT NULL"))
            }
            (_, Kind::Tags) => self.contains(&field, &mut said),
            (2 | 3, Kind::String) => self.starts_with(&column, &mut said),
            (4 | 5, _) => {
                let (low, high) = (self.operand(&field), self.operand(&field));
                said.extend([
                    "BETWEEN".into(),
                    low.word.clone(),
                    "AND".into(),
                    high.word.clone(),
                ]);
                between(&column, &low, &high)
            }
            (6 | 7, _) => {
                let count = *self.random.pick(&[0, 1, 1, 2, 3, 5, 12]);
                let mut operands: Vec<Operand> = (0..count).map(|_| self.operand(&field)).collect();
                if let (true, Some(first)) = (self.random.chance(30), operands.first().cloned()) {
                    operands.push(first);
                }
                said.extend(["IN".into(), operands.len().to_string().into()]);
                said.extend(operands.iter().map(|operand| operand.word.clone()));
                one_of(&column, &operands)
            }
            _ => {
                let (forms, operator) = self.random.pick(&[
                    (["=", "eq"], "="),
                    (["=", "EQ"], "="),
                    (["!=", "NE"], "<>"),
                    (["<", "LT"], "<"),
                    (["<=", "Le"], "<="),
                    ([">", "GT"], ">"),
                    ([">=", "GE"], ">="),
                ]);
                let operand = self.operand(&field);
                said.push(forms[self.random.below(2)].into());
                said.push(operand.word.clone());
                operand.compared(&column, operator)
            }
        };
        (said, sql, Binding::Whole)
    }

    fn starts_with(&mut self, column: &str, said: &mut Words) -> Sql {
        let mut prefix = bytes(self.random, 4);
        let len = self.random.below(3);
        prefix.truncate(len);
        said.extend(["STARTS".into(), "WITH".into(), prefix.clone()]);
        match len.min(prefix.len()) {
            0 => Sql::of(format!("{column} >= x''")),
            // substr of an empty BLOB is NULL in SQLite.
            len => Sql::of(format!(
                "CASE WHEN length({column}) < {len} THEN 0 ELSE substr({column}, 1, {len}) = {} END",
                blob(&prefix)
            )),
        }
    }

    fn contains(&mut self, field: &Field, said: &mut Words) -> Sql {
        said.push("CONTAINS".into());
        let way = self.random.below(3);
        let mut given: Vec<Vec<u8>> = Vec::new();
        for _ in 0..if way == 0 { 1 } else { self.random.below(4) } {
            given.push(tag(self.random));
        }
        match way {
            0 if ["any", "all"]
                .iter()
                .any(|word| given[0].eq_ignore_ascii_case(word.as_bytes())) =>
            {
                said.extend(words("ANY 1"));
            }
            0 => {}
            way => {
                said.push(if way == 1 { "ANY" } else { "ALL" }.into());
                said.push(given.len().to_string().into());
            }
        }
        said.extend(given.iter().cloned());
        let Value::Tags(different) = tags(given) else {
            unreachable!()
        };
        let list: Vec<String> = different.iter().map(|tag| blob(tag)).collect();
        let found = format!(
            "(SELECT count(*) FROM tag WHERE tag.r = t.r AND tag.f = '{}' AND tag.tag IN ({}))",
            field.name,
            list.join(", ")
        );
        known(
            &field.column(),
            &match way {
                2 => format!("{found} = {}", different.len()),
                _ => format!("{found} > 0"),
            },
        )
    }
}

/// The words of a part, in parentheses where it would come apart.
fn grouped(part: &Both, within: Binding) -> Words {
    let (said, _, binding) = part;
    match *binding < within {
        false => said.clone(),
        true => [&["(".into()][..], said, &[")".into()]].concat(),
    }
}

fn between(column: &str, low: &Operand, high: &Operand) -> Sql {
    use crate::operand::Place::At;
    match (&low.place, &high.place) {
        (At(low), At(high)) => Sql::of(format!("{column} BETWEEN "))
            .then(low)
            .say(" AND ")
            .then(high),
        _ => Sql::join(
            &[low.compared(column, ">="), high.compared(column, "<=")],
            " AND ",
        ),
    }
}

/// IN. In SQLite nothing, not even NULL, is in a list of none: there it would be false, not unknown.
fn one_of(column: &str, operands: &[Operand]) -> Sql {
    use crate::operand::Place::At;
    let exactly = |operand: &Operand| match &operand.place {
        At(sql) => Some(sql.clone()),
        _ => None,
    };
    let places: Option<Vec<Sql>> = operands.iter().map(exactly).collect();
    match places {
        _ if operands.is_empty() => known(column, "0"),
        Some(places) => Sql::of(format!("{column} IN ("))
            .then(&Sql::join(&places, ", "))
            .say(")"),
        None => {
            let parts: Vec<Sql> = operands.iter().map(|o| o.compared(column, "=")).collect();
            Sql::join(&parts, " OR ")
        }
    }
}
