//! How the lists are sorted.

use std::cmp::Ordering;

use super::view::{Command, Growing, Statement, View};

/// A list of the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum List {
    /// Commands.
    #[default]
    Commands,
    /// Tables.
    Tables,
    /// Slow statements.
    Statements,
}

impl List {
    /// The one after it.
    pub fn next(self) -> List {
        match self {
            List::Commands => List::Tables,
            List::Tables => List::Statements,
            List::Statements => List::Commands,
        }
    }

    /// Its columns, as they are headed.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            List::Commands => &["command", "ops/s", "us each", "cpu %", "errors/s"],
            List::Tables => &["table", "records", "+/s", "memory", "expiring"],
            List::Statements => &["statement", "times", "worst", "mean"],
        }
    }
}

/// By which column each list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The column, of commands, tables and statements.
    pub columns: [usize; 3],
    /// Whether the other way round.
    pub reversed: bool,
}

impl Default for Order {
    fn default() -> Order {
        Order {
            columns: [3, 3, 2],
            reversed: false,
        }
    }
}

impl Order {
    /// The column that a list is sorted by.
    pub fn column(&self, list: List) -> usize {
        self.columns.get(list as usize).copied().unwrap_or_default()
    }

    /// Sorts a list by its next column.
    pub fn turn(&mut self, list: List) {
        if let Some(column) = self.columns.get_mut(list as usize) {
            *column = (*column + 1) % list.columns().len();
        }
    }

    /// Sorts all lists: names ascend, numbers descend.
    pub fn apply(&self, view: &mut View) {
        let turned = |order: Ordering| {
            if self.reversed {
                order.reverse()
            } else {
                order
            }
        };
        let column = self.column(List::Commands);
        view.commands
            .sort_by(|one, other| turned(commands(column, one, other)));
        let column = self.column(List::Tables);
        view.tables
            .sort_by(|one, other| turned(tables(column, one, other)));
        let column = self.column(List::Statements);
        view.statements
            .sort_by(|one, other| turned(statements(column, one, other)));
    }
}

fn commands(column: usize, one: &Command, other: &Command) -> Ordering {
    let number = |command: &Command| match column {
        1 => command.rate,
        2 => command.each,
        3 => command.share,
        4 => command.failed,
        _ => 0.0,
    };
    let names = one.name.cmp(&other.name);
    number(other).total_cmp(&number(one)).then(names)
}

fn tables(column: usize, one: &Growing, other: &Growing) -> Ordering {
    let number = |growing: &Growing| match column {
        1 => growing.table.records as f64,
        2 => growing.rate.abs(),
        3 => growing.table.bytes as f64,
        4 => growing.table.expiring as f64,
        _ => 0.0,
    };
    let names = one.table.name.cmp(&other.table.name);
    number(other).total_cmp(&number(one)).then(names)
}

fn statements(column: usize, one: &Statement, other: &Statement) -> Ordering {
    let number = |statement: &Statement| match column {
        1 => statement.count as u64,
        2 => statement.worst,
        3 => statement.mean(),
        _ => 0,
    };
    let texts = one.text.cmp(&other.text);
    number(other).cmp(&number(one)).then(texts)
}
