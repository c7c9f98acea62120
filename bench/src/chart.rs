//! The pictures.

use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Result;

const FONT: &str = "sans-serif";
const INK: RGBColor = RGBColor(60, 60, 60);
const PAPER: RGBColor = RGBColor(255, 255, 255);
const GRID: RGBColor = RGBColor(222, 222, 222);
/// Told apart by the colour-blind as well (Okabe and Ito), the first the one the picture is about.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(150, 150, 150),
    RGBColor(230, 159, 0),
    RGBColor(204, 121, 167),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
    RGBColor(60, 60, 60),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn colour(i: usize) -> RGBColor {
    COLOURS[i % COLOURS.len()]
}

/// Of so many pixels: plotters takes a size for the height of a line.
fn text(size: f64) -> TextStyle<'static> {
    (FONT, size * 1.24).into_font().color(&INK)
}

/// A number as short as it can be told: 0.25, 1.2, 34, 79,000.
pub fn short(value: f64) -> String {
    let digits = match value.abs() {
        size if size < 1.0 => 2,
        size if size < 10.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').into(),
        false => grouped(&text),
    }
}

/// 1234567 as 1,234,567.
pub fn grouped(digits: &str) -> String {
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", digits), |digits| ("-", digits));
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{sign}{out}")
}

/// Rows of bars beside each other.
pub struct Bars<'a> {
    pub title: &'a str,
    pub unit: &'a str,
    /// Whether lengths are of the logarithm.
    pub logarithmic: bool,
    /// What the bars of a row stand for, in their order.
    pub series: &'a [&'a str],
    /// A name and its bars; one that is not there is left out.
    pub rows: &'a [(String, Vec<Option<f64>>)],
    /// A mark in each row.
    pub marks: &'a [Option<f64>],
}

impl Bars<'_> {
    /// Draws them into an SVG file.
    pub fn draw(&self, path: &Path) -> Result<()> {
        const BAR: u32 = 13;
        const GAP: u32 = 12;
        let step = BAR * self.series.len() as u32 + GAP;
        let size = (900, 110 + step * self.rows.len() as u32);
        let root = page(path, size, self.title, self.series)?;
        let values = || {
            self.rows
                .iter()
                .flat_map(|(_, bars)| bars)
                .chain(self.marks)
                .flatten()
                .copied()
        };
        let greatest = values().fold(f64::MIN_POSITIVE, f64::max);
        let least = values()
            .filter(|&value| value > 0.0)
            .fold(greatest, f64::min);
        let scale = |value: f64| {
            if self.logarithmic {
                value.max(least / 3.0).log10()
            } else {
                value
            }
        };
        let from = if self.logarithmic {
            scale(least).floor()
        } else {
            0.0
        };
        let to = if self.logarithmic {
            scale(greatest) + 0.35
        } else {
            greatest * 1.12
        };
        let mut chart = ChartBuilder::on(&root)
            .margin_right(20)
            .x_label_area_size(40)
            .y_label_area_size(350)
            .build_cartesian_2d(from..to, (self.rows.len() as f64)..0.0)?;
        let label = |at: &f64| {
            if self.logarithmic {
                power(*at)
            } else {
                short(*at)
            }
        };
        chart
            .configure_mesh()
            .disable_y_axis()
            .disable_y_mesh()
            .axis_style(GRID)
            .bold_line_style(GRID)
            .max_light_lines(0)
            .x_labels(if self.logarithmic {
                (to - from) as usize + 1
            } else {
                8
            })
            .x_label_style(text(12.0))
            .axis_desc_style(text(12.0))
            .x_desc(self.unit)
            .x_label_formatter(&label)
            .draw()?;
        let bar = f64::from(BAR) / f64::from(step);
        for (i, (name, bars)) in self.rows.iter().enumerate() {
            let top = i as f64 + f64::from(GAP) / f64::from(step) / 2.0;
            let middle = chart.backend_coord(&(from, i as f64 + 0.5));
            draw_text(
                &root,
                name,
                (middle.0 - 8, middle.1),
                text(13.0).pos(Pos::new(HPos::Right, VPos::Center)),
            )?;
            for (j, value) in bars.iter().enumerate() {
                let Some(value) = *value else { continue };
                let (y0, y1) = (top + bar * j as f64, top + bar * (j as f64 + 0.88));
                let at = scale(value).max(from);
                chart.draw_series([Rectangle::new([(from, y0), (at, y1)], colour(j).filled())])?;
                let end = chart.backend_coord(&(at, (y0 + y1) / 2.0));
                let style = text(11.0).pos(Pos::new(HPos::Left, VPos::Center));
                draw_text(&root, &short(value), (end.0 + 4, end.1), style)?;
            }
            if let Some(Some(mark)) = self.marks.get(i) {
                let (y0, y1) = (i as f64 + 0.1, i as f64 + 0.9);
                chart.draw_series([PathElement::new(
                    [(scale(*mark), y0), (scale(*mark), y1)],
                    colour(5).stroke_width(3),
                )])?;
            }
        }
        Ok(root.present()?)
    }
}

/// The label of a logarithm: of whole powers of ten alone.
fn power(at: f64) -> String {
    match (at - at.round()).abs() < 1e-6 {
        true => short(10_f64.powf(at)),
        false => String::new(),
    }
}

/// A curve each for several things.
pub struct Curves<'a> {
    pub title: &'a str,
    pub across: &'a str,
    pub up: &'a str,
    /// The names of the places on the way across, from 0 on.
    pub places: &'a [String],
    pub panels: &'a [Panel],
    /// The names of the curves, the same in each panel.
    pub series: &'a [&'a str],
}

/// Some of the curves in axes of their own.
pub struct Panel {
    pub title: String,
    /// A height for each place, for each curve.
    pub curves: Vec<Vec<Option<f64>>>,
}

impl Curves<'_> {
    /// Draws them into an SVG file.
    pub fn draw(&self, path: &Path) -> Result<()> {
        let columns = self.panels.len().min(2);
        let rows = self.panels.len().div_ceil(2);
        let root = page(path, (900, 90 + 330 * rows as u32), self.title, self.series)?;
        for (panel, area) in self
            .panels
            .iter()
            .zip(root.split_evenly((rows, columns.max(1))))
        {
            self.panel(panel, &area)?;
        }
        Ok(root.present()?)
    }

    fn panel(&self, panel: &Panel, area: &Area<'_>) -> Result<()> {
        let heights = || {
            panel
                .curves
                .iter()
                .flatten()
                .flatten()
                .copied()
                .filter(|&height| height > 0.0)
        };
        let greatest = heights().fold(f64::MIN_POSITIVE, f64::max);
        let least = heights().fold(greatest, f64::min);
        let (bottom, top) = (
            least.log10().floor(),
            greatest.log10().ceil().max(least.log10().floor() + 1.0),
        );
        let last = self.places.len().saturating_sub(1).max(1) as f64;
        let mut chart = ChartBuilder::on(area)
            .caption(&panel.title, text(14.0))
            .margin(8)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(Places(last), bottom..top)?;
        let place = |at: &f64| {
            self.places
                .get(at.round() as usize)
                .cloned()
                .unwrap_or_default()
        };
        chart
            .configure_mesh()
            .axis_style(GRID)
            .bold_line_style(GRID)
            .max_light_lines(0)
            .label_style(text(12.0))
            .x_labels(self.places.len())
            .y_labels((top - bottom) as usize + 1)
            .x_label_formatter(&place)
            .y_label_formatter(&|at| power(*at))
            .x_desc(self.across)
            .y_desc(self.up)
            .draw()?;
        for (i, heights) in panel.curves.iter().enumerate() {
            let points = heights.iter().enumerate();
            let points: Vec<(f64, f64)> = points
                .filter_map(|(at, height)| Some((at as f64, (*height)?.max(least).log10())))
                .collect();
            chart.draw_series(LineSeries::new(points.clone(), colour(i).stroke_width(2)))?;
            chart.draw_series(
                points
                    .into_iter()
                    .map(|point| Circle::new(point, 3, colour(i).filled())),
            )?;
        }
        Ok(())
    }
}

/// From 0 to a last place, with a label at each whole one.
struct Places(f64);

impl Ranged for Places {
    type FormatOption = plotters::coord::ranged1d::NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        limit.0 + ((value + 0.15) / (self.0 + 0.3) * f64::from(limit.1 - limit.0)) as i32
    }

    fn key_points<Hint: plotters::coord::ranged1d::KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        (0..=self.0 as usize).map(|place| place as f64).collect()
    }

    fn range(&self) -> std::ops::Range<f64> {
        -0.15..self.0 + 0.15
    }
}

impl ValueFormatter<f64> for Places {
    fn format(value: &f64) -> String {
        value.to_string()
    }
}

/// A sheet with a title and the names of what is drawn on it.
fn page<'a>(path: &'a Path, size: (u32, u32), title: &str, series: &[&str]) -> Result<Area<'a>> {
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&PAPER)?;
    draw_text(&root, title, (16, 12), text(17.0))?;
    let mut x = 16;
    for (i, name) in series.iter().enumerate() {
        root.draw(&Rectangle::new([(x, 42), (x + 12, 54)], colour(i).filled()))?;
        draw_text(&root, name, (x + 17, 41), text(13.0))?;
        x += 36 + 7 * name.len() as i32;
    }
    Ok(root.margin(62, 4, 4, 4))
}

fn draw_text(area: &Area<'_>, words: &str, at: (i32, i32), style: TextStyle<'_>) -> Result<()> {
    // Positions are of the whole sheet.
    let (left, top) = area.get_base_pixel();
    Ok(area.draw(&Text::new(
        words.to_string(),
        (at.0 - left, at.1 - top),
        style,
    ))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (0.254, "0.25"),
            (1.23, "1.2"),
            (1.0, "1"),
            (34.4, "34"),
            (999.0, "999"),
            (79_012.0, "79,012"),
        ];
        for (value, wanted) in cases {
            assert_eq!(short(value), wanted);
        }
        assert_eq!(grouped("-1234567"), "-1,234,567");
    }

    #[test]
    fn what_is_drawn_is_in_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bars.svg");
        let rows = [("some work".to_string(), vec![Some(1.5), None, Some(3000.0)])];
        let series = ["YARR", "native", "Lua"];
        let bars = Bars {
            title: "a title",
            unit: "us",
            logarithmic: true,
            series: &series,
            rows: &rows,
            marks: &[],
        };
        bars.draw(&path).expect("a picture");
        let picture = std::fs::read_to_string(&path).expect("a file");
        for words in ["a title", "some work", "Lua", "3,000", "1.5"] {
            assert!(picture.contains(words), "{words}: {picture}");
        }
    }
}
