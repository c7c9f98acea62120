//! Tables of Markdown.

use crate::chart::grouped;
use crate::record::Spread;

/// Lines of cells under a head.
pub struct Table {
    text: String,
}

impl Table {
    /// The first so many columns hold words, the others numbers.
    pub fn new(words: usize, head: &[&str]) -> Table {
        let mut table = Table {
            text: String::new(),
        };
        table.line(head.iter().map(|cell| cell.to_string()));
        table.line((0..head.len()).map(|i| String::from(if i < words { "---" } else { "---:" })));
        table
    }

    pub fn line(&mut self, cells: impl IntoIterator<Item = String>) {
        self.text.push('|');
        for cell in cells {
            self.text.push(' ');
            self.text.push_str(&cell);
            self.text.push_str(" |");
        }
        self.text.push('\n');
    }

    pub fn finish(self) -> String {
        self.text
    }
}

/// Three digits of a number: 0.254, 2.32, 34.1, 412,000.
pub fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let magnitude = value.abs().log10().floor() as i32;
    let digits = usize::try_from(2 - magnitude).unwrap_or(0).min(4);
    let unit = 10_f64.powi((magnitude - 2).max(0));
    let rounded = (value / unit).round() * unit;
    match digits {
        0 => grouped(&format!("{rounded:.0}")),
        _ => format!("{value:.digits$}"),
    }
}

/// A number that may be missing.
pub fn cell(value: Option<f64>) -> String {
    value.map_or("-".into(), number)
}

/// The median with the least and the greatest, where they differ as printed.
pub fn spread(spread: Option<Spread>) -> String {
    let Some(Spread {
        median,
        least,
        greatest,
    }) = spread
    else {
        return "-".into();
    };
    let (least, greatest) = (number(least), number(greatest));
    match least == greatest {
        true => number(median),
        false => format!("{} ({least}..{greatest})", number(median)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let cases = [
            (0.00254, "0.0025"),
            (0.254, "0.254"),
            (2.3249, "2.32"),
            (34.06, "34.1"),
            (412_345.0, "412,000"),
        ];
        for (value, wanted) in cases {
            assert_eq!(number(value), wanted);
        }
    }

    #[test]
    fn a_spread_tells_its_ends() {
        let of = |least, median, greatest| {
            spread(Some(Spread {
                median,
                least,
                greatest,
            }))
        };
        assert_eq!(of(1.0, 2.0, 3.0), "2.00 (1.00..3.00)");
        assert_eq!(of(2.001, 2.0, 2.002), "2.00");
        assert_eq!(spread(None), "-");
    }

    #[test]
    fn a_table_is_lines_of_cells() {
        let mut table = Table::new(1, &["work", "us"]);
        table.line(["a".into(), "1".into()]);
        assert_eq!(table.finish(), "| work | us |\n| --- | ---: |\n| a | 1 |\n");
    }
}
