//! One drawing: curves or stacked areas over time, with gaps where nothing is known.

mod scale;

use plotters::coord::Shift;
use plotters::element::Text;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::super::report::Report;
use super::ink::Ink;
use super::{Chart, FEWEST};
use crate::model::time::Timestamp;
use scale::{Axis, clock, heights, numbered, runs, times};

const WIDTH: u32 = 980;
/// Room for what stands around the curves.
const LEFT: u32 = 56;
const RIGHT: u32 = 160;
const TOP: u32 = 22;
const BOTTOM: u32 = 24;
/// Size of letters. Plotters divides it by 1.24 when it writes it.
const LETTERS: f64 = 15.0;
/// How far apart the names beside the curves stand at least.
const LINE: i32 = 16;
/// How far beside the curves they stand.
const BESIDE: i32 = 10;

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Context<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// A value over time.
pub(super) struct Curve {
    name: &'static str,
    ink: Ink,
    values: Vec<Option<f64>>,
}

impl Curve {
    pub(super) fn new(name: &'static str, ink: Ink, values: Vec<Option<f64>>) -> Self {
        Self { name, ink, values }
    }

    /// Its highest value.
    pub(super) fn most(&self) -> f64 {
        self.values.iter().flatten().copied().fold(0.0, f64::max)
    }

    /// The newest value; `None` in a gap.
    fn now(&self) -> Option<f64> {
        self.values.last().copied().flatten()
    }
}

/// What is drawn together.
pub(super) struct Plot<'r> {
    pub(super) report: &'r Report,
    pub(super) curves: Vec<Curve>,
    /// Curves stand on each other.
    pub(super) stacked: bool,
    /// A value that cannot be passed, and what it is.
    pub(super) ceiling: Option<(f64, &'static str)>,
    /// Behind every number.
    pub(super) unit: &'static str,
    /// Of the drawing.
    pub(super) height: u32,
}

/// A piece of a curve without gaps: first bucket, and per bucket where the area begins and ends.
type Piece = (usize, Vec<(f64, f64)>);

impl<'r> Plot<'r> {
    pub(super) fn new(report: &'r Report, curves: Vec<Curve>) -> Self {
        Self { report, curves, stacked: false, ceiling: None, unit: "", height: 200 }
    }

    /// The chart, if there is enough to draw.
    pub(super) fn draw(self, name: &'static str) -> Option<Chart> {
        let buckets = self.curves.iter().map(|curve| curve.values.len()).max()?;
        if (0..buckets).filter(|bucket| !self.is_gap(*bucket)).count() < FEWEST {
            return None;
        }
        let mut svg = String::new();
        self.paint(&mut svg, buckets).ok()?;
        // The page has an element of its own around it, with a title.
        let inside = svg.split_once('>')?.1.rsplit_once("</svg>")?.0.trim().to_owned();
        Some(Chart {
            name,
            told: self.told(buckets),
            width: WIDTH,
            height: self.height,
            drawing: inside,
            legend: self.legend(buckets),
        })
    }

    fn is_gap(&self, bucket: usize) -> bool {
        self.curves.iter().all(|curve| curve.values.get(bucket).copied().flatten().is_none())
    }

    fn bucket_s(&self) -> f64 {
        self.report.series.bucket_s
    }

    /// When a bucket begins, in seconds after the report was made: never positive.
    fn begin(&self, bucket: usize, buckets: usize) -> f64 {
        (bucket as f64 - buckets as f64) * self.bucket_s()
    }

    /// The areas or lines of each curve.
    fn pieces(&self, buckets: usize) -> Vec<Vec<Piece>> {
        let mut floor = vec![0.0; buckets];
        let mut all = Vec::new();
        for curve in &self.curves {
            let mut pieces = Vec::new();
            for run in runs(&curve.values) {
                let spans = run.clone().map(|bucket| {
                    let (from, value) = (floor[bucket], curve.values[bucket].unwrap_or_default());
                    if self.stacked {
                        floor[bucket] = from + value;
                    }
                    (from, from + value)
                });
                pieces.push((run.start, spans.collect()));
            }
            all.push(pieces);
        }
        all
    }

    /// The value at the upper end of the drawing.
    fn top(&self, pieces: &[Vec<Piece>]) -> f64 {
        let spans = pieces.iter().flatten().flat_map(|(_, spans)| spans);
        let most = spans.map(|(_, to)| *to).fold(0.0, f64::max);
        // A ceiling far away would press the curves flat; its number stands with the limits.
        let near =
            self.ceiling.map(|(ceiling, _)| ceiling).filter(|ceiling| *ceiling <= 4.0 * most.max(25.0));
        most.max(near.unwrap_or(0.0)).max(1.0) * 1.08
    }

    fn paint(&self, svg: &mut String, buckets: usize) -> Drawn {
        let canvas = SVGBackend::with_string(svg, (WIDTH, self.height)).into_drawing_area();
        let pieces = self.pieces(buckets);
        let (from, top) = (self.begin(0, buckets), self.top(&pieces));
        let end = self.report.snapshot.taken_at;
        let mut chart: Context<'_, '_> = ChartBuilder::on(&canvas)
            .margin_top(TOP)
            .margin_right(RIGHT)
            .x_label_area_size(BOTTOM)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(
                Axis { range: from..0.0, told: times(end, from) },
                Axis { range: 0.0..top, told: heights(top) },
            )?;
        self.gaps(&mut chart, buckets, top)?;
        self.axes(&mut chart, end, -from)?;
        for (curve, pieces) in self.curves.iter().zip(&pieces) {
            self.curve(&mut chart, curve.ink, pieces, buckets)?;
        }
        self.limit(&canvas, &mut chart, from, top)?;
        self.marks(&canvas, &mut chart, from, top)?;
        self.names(&canvas, &chart, &pieces)?;
        drop(chart);
        canvas.present()
    }

    fn gaps(&self, chart: &mut Context<'_, '_>, buckets: usize, top: f64) -> Drawn {
        let seen: Vec<Option<()>> = (0..buckets).map(|bucket| self.is_gap(bucket).then_some(())).collect();
        let gap = |run: std::ops::Range<usize>| {
            let corners = [(self.begin(run.start, buckets), top), (self.begin(run.end, buckets), 0.0)];
            Rectangle::new(corners, Ink::Gap.color().filled())
        };
        chart.draw_series(runs(&seen).into_iter().map(gap))?;
        Ok(())
    }

    fn axes(&self, chart: &mut Context<'_, '_>, end: Timestamp, width: f64) -> Drawn {
        let number = |value: &f64| format!("{value:.0}{}", self.unit);
        let time = |after: &f64| clock(end, *after, width);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(Ink::Grid.color())
            .light_line_style(TRANSPARENT)
            .axis_style(Ink::Grid.color())
            .label_style(letters(Ink::Label))
            .x_label_formatter(&time)
            .y_label_formatter(&number)
            .draw()
    }

    fn curve(&self, chart: &mut Context<'_, '_>, ink: Ink, pieces: &[Piece], buckets: usize) -> Drawn {
        for (first, spans) in pieces {
            let ends = |bucket: usize| [bucket, bucket + 1].map(|edge| self.begin(first + edge, buckets));
            let corners = |of: fn(&(f64, f64)) -> f64| {
                let steps = spans.iter().enumerate();
                steps.flat_map(move |(bucket, span)| ends(bucket).map(|x| (x, of(span)))).collect::<Vec<_>>()
            };
            let upper = corners(|span| span.1);
            if self.stacked {
                let outline: Vec<_> =
                    upper.into_iter().chain(corners(|span| span.0).into_iter().rev()).collect();
                chart.draw_series([Polygon::new(outline, ink.color().filled())])?;
            } else {
                chart.draw_series([PathElement::new(upper, ink.color().stroke_width(2))])?;
            }
        }
        Ok(())
    }

    fn limit(&self, canvas: &Canvas<'_>, chart: &mut Context<'_, '_>, from: f64, top: f64) -> Drawn {
        let Some((ceiling, name)) = self.ceiling.filter(|(ceiling, _)| *ceiling <= top) else {
            return Ok(());
        };
        let line = [(from, ceiling), (0.0, ceiling)];
        chart.draw_series(DashedLineSeries::new(line, 6, 4, Ink::Ceiling.color().into()))?;
        let (x, y) = chart.backend_coord(&(0.0, ceiling));
        let text = format!("{ceiling:.0}{} {name}", self.unit);
        canvas.draw(&Text::new(
            text,
            (x + BESIDE, y),
            letters(Ink::Ceiling).pos(Pos::new(HPos::Left, VPos::Center)),
        ))
    }

    /// What happened: a line with the number that it has in the list.
    fn marks(&self, canvas: &Canvas<'_>, chart: &mut Context<'_, '_>, from: f64, top: f64) -> Drawn {
        let end = self.report.snapshot.taken_at;
        let times = self.report.happened.iter().map(|mark| mark.at.seconds_since(end));
        let places: Vec<(usize, f64)> =
            (1..).zip(times).filter(|(_, after)| (from..=0.0).contains(after)).collect();
        for (_, x) in &places {
            let line = [(*x, 0.0), (*x, top)];
            chart.draw_series(DashedLineSeries::new(line, 2, 3, Ink::Mark.color().into()))?;
        }
        let places = places.iter().map(|(number, x)| (*number, chart.backend_coord(&(*x, top)).0));
        let middle = letters(Ink::Mark).pos(Pos::new(HPos::Center, VPos::Bottom));
        for (x, numbers) in numbered(places.collect()) {
            let above = i32::try_from(TOP).unwrap_or(0) - 4;
            canvas.draw(&Text::new(numbers, (x, above), middle.clone()))?;
        }
        Ok(())
    }

    /// Beside each curve its name and newest value: colours are not all that tells them apart.
    fn names(&self, canvas: &Canvas<'_>, chart: &Context<'_, '_>, pieces: &[Vec<Piece>]) -> Drawn {
        let mut names = Vec::new();
        for (curve, pieces) in self.curves.iter().zip(pieces) {
            let newest = pieces.last().and_then(|(_, spans)| spans.last());
            let (Some(now), Some((low, high))) = (curve.now(), newest) else { continue };
            let height = if self.stacked { f64::midpoint(*low, *high) } else { *high };
            let (x, y) = chart.backend_coord(&(0.0, height));
            names.push((y, x + BESIDE, format!("{now:.0}{} {}", self.unit, curve.name), curve.ink));
        }
        names.sort_by_key(|(y, ..)| std::cmp::Reverse(*y));
        let ceiling = self.ceiling.map(|(ceiling, _)| chart.backend_coord(&(0.0, ceiling)).1);
        let mut free = i32::MAX;
        for (y, x, name, ink) in names {
            let mut y = y.min(free);
            // The ceiling's own name stands there.
            if let Some(taken) = ceiling.filter(|taken| (taken - y).abs() < LINE) {
                y = taken + LINE;
            }
            free = y - LINE;
            canvas.draw(&Rectangle::new([(x, y - 4), (x + 8, y + 4)], ink.color().filled()))?;
            let style = letters(Ink::Label).pos(Pos::new(HPos::Left, VPos::Center));
            canvas.draw(&Text::new(name, (x + 13, y), style))?;
        }
        Ok(())
    }

    fn told(&self, buckets: usize) -> String {
        let end = self.report.snapshot.taken_at;
        let clock = |after: f64| clock(end, after, 0.0);
        let gaps = (0..buckets).filter(|bucket| self.is_gap(*bucket)).count();
        let gaps = if gaps > 0 { " There are gaps, in which nothing was read." } else { "" };
        let each: Vec<String> =
            self.legend(buckets).into_iter().map(|(_, told)| format!("{told}.")).collect();
        format!("From {} to {} UTC. {}{gaps}", clock(self.begin(0, buckets)), clock(0.0), each.join(" "))
    }

    fn legend(&self, buckets: usize) -> Vec<(String, String)> {
        let unit = self.unit;
        let mut entries: Vec<_> = self
            .curves
            .iter()
            .map(|curve| {
                let known = || curve.values.iter().flatten().copied();
                let (least, most) = (known().fold(f64::INFINITY, f64::min), curve.most());
                let now = curve.now().map_or("unknown".to_owned(), |now| format!("{now:.0}{unit}"));
                let least = if least.is_finite() { least } else { 0.0 };
                (curve.ink.written(), format!("{}: {now} now, {least:.0} to {most:.0}{unit}", curve.name))
            })
            .collect();
        if let Some((ceiling, name)) = self.ceiling {
            entries.push((Ink::Ceiling.written(), format!("{name}: {ceiling:.0}{unit}")));
        }
        if (0..buckets).any(|bucket| self.is_gap(bucket)) {
            entries.push((Ink::Gap.written(), "nothing was read".to_owned()));
        }
        entries
    }
}

fn letters(ink: Ink) -> TextStyle<'static> {
    let font: TextStyle<'static> = ("sans-serif", LETTERS).into();
    TextStyle { color: ink.color().to_backend_color(), ..font }
}
