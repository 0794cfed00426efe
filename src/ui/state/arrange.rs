//! After every change: lists, scroll positions and pages are made anew, once, so that drawing only draws.

use ratatui::text::Line;

use super::app::App;
use super::connections::RowId;
use crate::analysis::Moment;
use crate::analysis::moment::StateSeries;
use crate::model::sample::StateCounts;
use crate::ui::format;
use crate::ui::layers::page::{Page, Subject};
use crate::ui::layers::sheet::Known;
use crate::ui::layers::{Layer, compare, detail, evidence, help};
use crate::ui::layout::Panel;
use crate::ui::panels::states::{StateRow, States};
use crate::ui::theme::Meaning;
use crate::ui::view::suspects;
use crate::ui::widgets::table::scroll;

impl App {
    /// The lists of the shown moment, filtered and sorted.
    pub(super) fn refresh_lists(&mut self) {
        let Some(moment) = self.reel.shown().cloned() else { return };
        self.connections.refresh(&moment);
        self.pools.refresh(&moment);
        self.suspects.refresh(&moment);
        self.refresh_states();
    }

    /// The counts over time, and the selected pool's.
    pub(super) fn refresh_states(&mut self) {
        let Some(moment) = self.reel.shown() else { return };
        let mut states = states(moment);
        states.pool = self.pools.selected().map(|line| (line.label().to_owned(), line.trend.clone()));
        self.states = states;
    }

    /// Scroll positions and pages for the size of the terminal.
    pub(super) fn arrange(&mut self) {
        self.touch();
        let layout = self.layout();
        let rows = layout.table_rows(Panel::Connections);
        let list = &mut self.connections;
        list.offset = scroll(list.offset, Some(list.at), list.rows.len(), rows);
        let rows = layout.table_rows(Panel::Pools);
        let pools = &mut self.pools;
        pools.offset = scroll(pools.offset, Some(pools.at), pools.lines.len(), rows);
        self.arrange_fleet();
        self.write_layers();
        self.write_detail();
    }

    fn write_layers(&mut self) {
        let place = Page::place(self.area, usize::MAX);
        let (width, height) = (place.width.saturating_sub(4), place.height.saturating_sub(2));
        let mut layers = std::mem::take(&mut self.layers);
        for layer in &mut layers {
            match layer {
                Layer::Page(page) => page.write(self.page_lines(&page.subject, width), height),
                Layer::Tree(tree) => {
                    if let Some(moment) = self.reel.shown() {
                        tree.refresh(moment, height);
                    }
                }
                Layer::Size(size) => {
                    size.refresh(self.reel.shown().map(|moment| &**moment), &self.servers);
                    size.arrange(&self.paint(), self.area);
                }
                Layer::Confirm(confirm) => {
                    if let Some(moment) = self.reel.newest() {
                        confirm.settle(moment, &self.paint(), self.area);
                    }
                }
                Layer::Sheet(sheet) => {
                    if let (Some(moment), Some(newest)) = (self.reel.shown(), self.reel.newest()) {
                        let (track, zone) = (self.journey.track.as_deref(), &self.options.zone);
                        sheet.refresh(
                            &Known { moment, newest, track, reports: &self.reports, zone },
                            self.area,
                        );
                    }
                }
                _ => {}
            }
        }
        self.layers = layers;
    }

    fn page_lines(&self, subject: &Subject, width: u16) -> Vec<Line<'static>> {
        let paint = self.paint();
        let Some(moment) = self.reel.shown() else {
            return help::lines(&self.options.keymap, width, &paint);
        };
        match subject {
            Subject::Connection(id) => self.detail_lines(moment, *id, width),
            Subject::Finding(key) => evidence::lines(moment, suspects::find(key, moment), width, &paint),
            Subject::Help => help::lines(&self.options.keymap, width, &paint),
            Subject::Compare => compare::lines(&self.journey.before, moment, width, &paint),
        }
    }

    fn detail_lines(&self, moment: &Moment, id: RowId, width: u16) -> Vec<Line<'static>> {
        let row = moment.backends.iter().find(|row| RowId::of(row) == id);
        let none = if self.options.profile.is_read_only() {
            detail::Inspection::Unavailable
        } else {
            detail::Inspection::Pending
        };
        let inspection = self.inspections.get(&id).unwrap_or(&none);
        detail::lines(moment, row, inspection, width, &self.paint())
    }

    fn write_detail(&mut self) {
        self.detail = self.reel.shown().map(|moment| self.detail_of(moment)).unwrap_or_default();
    }

    /// What the panel says about the selected connection of a moment; nothing where there is no such panel.
    pub(in crate::ui) fn detail_of(&self, moment: &Moment) -> Vec<Line<'static>> {
        let area = self.layout().detail;
        let selected = self.connections.selected(moment).map(RowId::of).filter(|_| !area.is_empty());
        selected.map(|id| self.detail_lines(moment, id, area.width.saturating_sub(4))).unwrap_or_default()
    }
}

/// How long the series is, in words; nothing while nothing is known.
fn span(series: &StateSeries) -> String {
    if series.counts.iter().all(Option::is_none) {
        return String::new();
    }
    format::seconds(series.bucket_s * series.counts.len() as f64)
}

/// The rows of the panel of states.
fn states(moment: &Moment) -> States {
    type Part = fn(&StateCounts) -> u32;
    const PARTS: [(&str, Meaning, Part); 5] = [
        ("active", Meaning::Active, |counts| counts.active),
        ("idle", Meaning::Idle, |counts| counts.idle),
        ("in tx", Meaning::InTransaction, |counts| counts.idle_in_transaction),
        ("aborted", Meaning::Aborted, |counts| counts.aborted),
        ("blocked", Meaning::Blocked, |counts| counts.blocked),
    ];
    let series = &moment.series;
    let newest = series.counts.last().copied().flatten();
    let row = |(label, meaning, part): (&'static str, Meaning, Part)| StateRow {
        label,
        meaning,
        now: newest.as_ref().map(part),
        past: series.counts.iter().map(|counts| counts.as_ref().map(part)).collect(),
    };
    let mut rows: Vec<_> = PARTS.into_iter().map(row).collect();
    if series.pending.iter().any(Option::is_some) {
        rows.push(StateRow {
            label: "queued",
            meaning: Meaning::Queued,
            now: series.pending.last().copied().flatten(),
            past: series.pending.clone(),
        });
    }
    if newest.is_some_and(|counts| counts.unknown > 0) {
        rows.push(row(("other", Meaning::Muted, |counts| counts.unknown)));
    }
    States { rows, total: newest.map(|counts| counts.total()), span: span(series), pool: None }
}
