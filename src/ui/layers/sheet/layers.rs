//! Each application as one line through its layers: its own pool, the pooler, the server; and where it is stuck.

use std::cmp::Ordering;

use super::{Known, Listing};
use crate::analysis::layers::{LayerLine, Stage};
use crate::model::pool::Layer;
use crate::ui::format;
use crate::ui::paint::Paint;
use crate::ui::theme::Meaning;
use crate::ui::widgets::table::{Cell, Column};

/// Applications through their layers.
#[derive(Debug)]
pub struct Layers;

/// What a column shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The application.
    Name,
    /// In use, of the ceiling, in a layer.
    Used(Layer),
    /// Requests or clients queued in a layer.
    Waiting(Layer),
    /// Mean or longest wait in a layer.
    Wait(Layer),
    /// Running a statement on the server.
    Working,
    /// Idle in transaction on the server.
    Holding,
    /// Where it is stuck.
    Stuck,
}

impl Listing for Layers {
    type Row = LayerLine;
    type Field = Field;
    type Source<'a> = Known<'a>;

    const TITLE: &'static str = "Layers";
    const COLUMNS: &'static [Column<Field>] = &[
        Column::text(Field::Name, "application", (12, 16), 100),
        Column::number(Field::Used(Layer::Application), "app pool", 9, 90),
        Column::number(Field::Waiting(Layer::Application), "waits", 6, 70),
        Column::number(Field::Wait(Layer::Application), "wait", 7, 40),
        Column::number(Field::Used(Layer::Pooler), "pooler", 9, 85),
        Column::number(Field::Waiting(Layer::Pooler), "queued", 7, 80),
        Column::number(Field::Wait(Layer::Pooler), "wait", 7, 45),
        Column::number(Field::Used(Layer::Server), "server", 9, 75),
        Column::number(Field::Working, "work", 6, 60),
        Column::number(Field::Holding, "in tx", 6, 65),
        Column::text(Field::Stuck, "stuck", (8, 400), 95),
    ];
    const SORTS: &'static [(Field, bool)] = &[
        (Field::Stuck, true),
        (Field::Waiting(Layer::Pooler), true),
        (Field::Used(Layer::Application), true),
        (Field::Used(Layer::Server), true),
        (Field::Holding, true),
        (Field::Name, false),
    ];

    fn rows(Known { moment, .. }: &Known<'_>) -> Vec<LayerLine> {
        moment.layers.clone()
    }

    fn heads(Known { moment, .. }: &Known<'_>) -> Vec<String> {
        let stuck = moment.layers.iter().filter_map(|line| Some((line, line.stuck.as_ref()?)));
        stuck.map(|(line, stuck)| format!("{}: {}", line.name, stuck.why)).take(3).collect()
    }

    fn empty(_: &Known<'_>) -> String {
        "Nobody is connected.".to_owned()
    }

    fn key(row: &LayerLine) -> String {
        row.name.to_string()
    }

    fn compare(left: &LayerLine, right: &LayerLine, field: Field) -> Ordering {
        let of = |line: &LayerLine, layer, get: fn(&Stage) -> Option<u32>| line.stage(layer).and_then(get);
        let wait = |line: &LayerLine, layer| wait_s(line.stage(layer)).unwrap_or(-1.0);
        match field {
            Field::Name => left.name.cmp(&right.name),
            Field::Used(layer) => {
                of(left, layer, |stage| stage.used).cmp(&of(right, layer, |stage| stage.used))
            }
            Field::Waiting(layer) => {
                of(left, layer, |stage| stage.waiting).cmp(&of(right, layer, |stage| stage.waiting))
            }
            Field::Wait(layer) => wait(left, layer).total_cmp(&wait(right, layer)),
            Field::Working => {
                of(left, Layer::Server, |stage| stage.working)
                    .cmp(&of(right, Layer::Server, |stage| stage.working))
            }
            Field::Holding => {
                of(left, Layer::Server, |stage| stage.holding)
                    .cmp(&of(right, Layer::Server, |stage| stage.holding))
            }
            Field::Stuck => left.stuck.is_some().cmp(&right.stuck.is_some()),
        }
    }

    fn cell<'r>(row: &'r LayerLine, field: Field, paint: &Paint<'_>) -> Cell<'r> {
        let unknown = || Cell::muted(paint.glyphs.unknown);
        let server = row.stage(Layer::Server);
        let count = |count: Option<u32>, look: Meaning| match count {
            Some(0) => Cell::muted("0"),
            Some(count) => Cell::of(format::count(count.into()), look),
            None => unknown(),
        };
        match field {
            Field::Name => Cell::plain(&*row.name),
            Field::Used(layer) => row.stage(layer).map_or_else(unknown, |stage| used(stage, paint)),
            Field::Waiting(layer) => count(row.stage(layer).and_then(|stage| stage.waiting), Meaning::Queued),
            Field::Wait(layer) => {
                wait_s(row.stage(layer)).map_or_else(unknown, |wait| Cell::plain(format::seconds(wait)))
            }
            Field::Working => count(server.and_then(|stage| stage.working), Meaning::Active),
            Field::Holding => count(server.and_then(|stage| stage.holding), Meaning::InTransaction),
            Field::Stuck => match &row.stuck {
                Some(stuck) => Cell::of(
                    format!("{} {}: {}", paint.glyphs.warning, layer_word(stuck.layer), stuck.why),
                    Meaning::Warning,
                ),
                None => Cell::muted(""),
            },
        }
    }

    fn text(row: &LayerLine) -> String {
        let stuck = row
            .stuck
            .as_ref()
            .map(|stuck| format!(": stuck in the {}: {}", layer_word(stuck.layer), stuck.why));
        format!("{}{}", row.name, stuck.unwrap_or_default())
    }
}

/// `10/10`; a tilde where the numbers are not all of the application's.
fn used<'r>(stage: &Stage, paint: &Paint<'_>) -> Cell<'r> {
    let Some(used) = stage.used else { return Cell::muted(paint.glyphs.unknown) };
    let full = stage.max.is_some_and(|max| max > 0 && used >= max);
    let partly = if stage.one_of_several { "~" } else { "" };
    let text = format!("{partly}{}", format::of(used, stage.max, paint.glyphs.unknown));
    Cell::of(text, if full { Meaning::Danger } else { Meaning::Text })
}

fn wait_s(stage: Option<&Stage>) -> Option<f64> {
    let stage = stage?;
    stage.max_wait_s.filter(|wait| *wait > 0.0).or(stage.wait_avg_s)
}

fn layer_word(layer: Layer) -> &'static str {
    match layer {
        Layer::Application => "application",
        Layer::Pooler => "pooler",
        Layer::Server => "server",
    }
}
