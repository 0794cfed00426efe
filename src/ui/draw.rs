//! One frame: the state, put where the layout says.

mod empty;
mod fleet;
mod keys;
mod picture;
mod unseen;

use std::sync::Arc;

use ratatui::Frame as Terminal;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::command::{Command, Place};
use super::contract::Feed;
use super::format;
use super::layers::Layer;
use super::layout::{Layout, Panel, Shape};
use super::paint::{Paint, put, put_line};
use super::panels::header::{Clock, Header};
use super::panels::ruler::{self, Ruler};
use super::panels::{
    Frame, connections, footer, header, limits, pools, states, suspects, tabs, toasts, verdict,
};
use super::state::app::App;
use super::state::reel::Hold;
use super::theme::Meaning;
use crate::analysis::Moment;
use crate::model::target::{TargetState, TargetStatus};
use crate::model::time::Timestamp;

impl App {
    /// Draws everything.
    pub fn draw(&self, frame: &mut Terminal<'_>) {
        let now = self.options.clock.now();
        let area = frame.area();
        if let Some(cursor) = self.draw_into(now, area, frame.buffer_mut()) {
            frame.set_cursor_position(cursor);
        }
    }

    /// Draws everything into a buffer as of `now`; returns where the terminal's cursor stands, if anywhere.
    pub fn draw_into(&self, now: Timestamp, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let paint = self.paint();
        buf.set_style(area, paint.style(Meaning::Text));
        let layout = self.layout_of(area);
        if layout.shape == Shape::TooSmall {
            self.draw_plain(&paint, area, buf);
            return None;
        }
        let scene = Scene { app: self, paint, layout, now: self.time(now) };
        let mut filtering = None;
        match (self.shown_fleet(), self.reel.shown()) {
            (Some(fleet), _) => filtering = fleet::draw(fleet, &paint, now, (area, buf)),
            (None, Some(moment)) => scene.moment(moment, buf),
            (None, None) => scene.waiting(area, buf),
        }
        let typed = footer::draw(&self.footer(layout.shape), &paint, layout.footer, buf);
        // What toasts say is often about the ruler.
        let above = Rect { height: area.height.saturating_sub(layout.ruler.height), ..area };
        toasts::draw(&self.toasts, &paint, above, buf);
        scene.layers(area, buf).or(typed).or(filtering)
    }

    /// A terminal too small for anything but the verdict.
    fn draw_plain(&self, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
        let text = match self.reel.shown() {
            _ if self.shown_fleet().is_some() => "pooltop: a fleet of profiles".to_owned(),
            Some(moment) => {
                format!("{}: {}", moment.verdict.kind.as_str().to_uppercase(), moment.verdict.sentence)
            }
            None => "pooltop: waiting for the first sample".to_owned(),
        };
        put(buf, area, &text, paint.style(Meaning::Text), paint.glyphs);
        let note = "needs 40x12";
        if area.height > 1 {
            let row = Rect { y: area.y + 1, height: 1, ..area };
            put(buf, row, note, paint.style(Meaning::Muted), paint.glyphs);
        }
    }
}

/// What one frame is drawn from.
struct Scene<'a> {
    app: &'a App,
    paint: Paint<'a>,
    layout: Layout,
    now: Timestamp,
}

impl Scene<'_> {
    fn moment(&self, moment: &Arc<Moment>, buf: &mut Buffer) {
        let (app, paint, layout) = (self.app, &self.paint, &self.layout);
        self.header(&moment.targets, buf);
        self.banner(buf);
        verdict::draw(&moment.verdict, paint, layout.verdict, buf);
        if app.is_unseen() {
            let top = layout.verdict.bottom();
            let body = Rect { y: top, height: layout.footer.y.saturating_sub(top), ..layout.header };
            app.draw_unseen(moment, self.now, body, buf);
            return;
        }
        if matches!(layout.shape, Shape::Full | Shape::Wide) {
            limits::draw(&moment.limits, paint, layout.limits, buf);
            states::draw(&app.states, paint, layout.states, buf);
        } else {
            limits::draw_line(&moment.limits, paint, layout.limits, buf);
            states::draw_line(&app.states, paint, layout.states, buf);
            put_line(buf, layout.tabs, &self.tabs(moment));
        }
        if !layout.pools.is_empty() {
            pools::draw(&app.pools, &self.frame(Panel::Pools, moment), paint, layout.pools, buf);
        }
        if !layout.connections.is_empty() {
            let frame = self.frame(Panel::Connections, moment);
            connections::draw((&app.connections, moment), &frame, paint, layout.connections, buf);
        }
        if !layout.suspects.is_empty() {
            let frame = self.frame(Panel::Suspects, moment);
            suspects::draw((&app.suspects, moment), &frame, paint, layout.suspects, buf);
        }
        self.detail(buf);
        self.ruler(moment, buf);
        self.mark_stale(moment, buf);
        self.mark_held(buf);
    }

    fn header(&self, targets: &[TargetStatus], buf: &mut Buffer) {
        let (app, journey) = (self.app, &self.app.journey);
        let header = Header {
            profile: &app.options.profile,
            targets,
            now: self.now,
            clock: Clock {
                hold: app.reel.hold(),
                playing: journey.playing,
                newest: app.reel.newest().map_or(self.now, |moment| moment.at),
                waiting: journey.is_waiting(),
                short: matches!(self.layout.shape, Shape::Narrow | Shape::Compact),
            },
            recording: journey.recording.as_ref(),
        };
        header::draw(&header, &self.paint, self.layout.header, buf);
    }

    /// How far the past reaches, and where in it the screen stands.
    fn ruler(&self, moment: &Moment, buf: &mut Buffer) {
        let Some(track) = self.app.track().filter(|_| !self.layout.ruler.is_empty()) else { return };
        let ruler = Ruler {
            track: &track,
            shown: moment.at,
            kept: self.app.journey.kept.as_ref().map(|kept| kept.at),
            live: self.app.journey.playing.is_none(),
        };
        ruler::draw(&ruler, &self.paint, self.layout.ruler, buf);
    }

    /// What is paused, impossible to overlook until it is resumed.
    fn banner(&self, buf: &mut Buffer) {
        let Some(paused) = self.app.banner() else { return };
        let (place, style) = (self.layout.banner, self.paint.style(Meaning::Paused));
        buf.set_style(place, style);
        let key = self.app.options.keymap.key(Place::Screen, Command::Resume);
        let key = key.map(|key| format!(" ({})", key.label(self.paint.glyphs))).unwrap_or_default();
        let dot = self.paint.glyphs.dot;
        let text = format!(" PAUSED  {paused} {dot} queries queue until RESUME{key}");
        put(buf, place, &text, style, self.paint.glyphs);
    }

    fn tabs<'t>(&self, moment: &Moment) -> Line<'t> {
        let count = |panel| match panel {
            Panel::Pools => self.app.pools.lines.len(),
            Panel::Connections => moment.backends.len(),
            Panel::Suspects => moment.findings.len(),
        };
        let level = |panel| self.app.pools.level.word().filter(|_| panel == Panel::Pools);
        let level = |panel| level(panel).map(|word| format!(" by {word}")).unwrap_or_default();
        let name = |panel: Panel| {
            (format!("{} {}{}", panel.title(), count(panel), level(panel)), panel == self.app.focus)
        };
        let mut line = tabs::line(&Panel::ALL.map(name), &self.paint);
        line.extend(connections::filter_line(&self.app.connections, &self.paint));
        line
    }

    fn frame(&self, panel: Panel, moment: &Moment) -> Frame {
        Frame {
            focused: self.app.focus == panel && self.app.layers.is_empty(),
            bordered: matches!(self.layout.shape, Shape::Full | Shape::Wide),
            narrow: self.layout.shape == Shape::Narrow,
            empty: empty::text(&self.app.connections, panel, moment),
        }
    }

    fn detail(&self, buf: &mut Buffer) {
        if self.layout.detail.is_empty() {
            return;
        }
        let title =
            Line::from(vec![Span::raw(" "), self.paint.span("Connection", Meaning::Title), Span::raw(" ")]);
        let inner = self.paint.frame(self.layout.detail, buf, false, (title, Line::default()));
        for (line, y) in self.app.detail.iter().zip(inner.y..inner.bottom()) {
            put_line(buf, Rect { x: inner.x + 1, y, width: inner.width.saturating_sub(2), height: 1 }, line);
        }
    }

    /// When no server is live, what is below the verdict is the past, looks like it, and says how old it is.
    fn mark_stale(&self, moment: &Moment, buf: &mut Buffer) {
        let servers = moment.targets.iter().zip(&moment.servers).filter(|(_, server)| server.is_some());
        let seen: Vec<&TargetStatus> = servers.map(|(target, _)| target).collect();
        if seen.is_empty() || seen.iter().any(|target| target.state == TargetState::Live) {
            return;
        }
        let ages = seen.iter().filter_map(|target| target.age.map(|age| age + self.now.age_of(target.at)));
        let word = format!(" stale {} ", ages.min().map(format::age).unwrap_or_default());
        let layout = &self.layout;
        for place in
            [layout.limits, layout.states, layout.pools, layout.connections, layout.suspects, layout.detail]
        {
            buf.set_style(place, self.paint.style(Meaning::Stale));
            self.stamp(place, &word, Meaning::Warning, buf);
        }
        if matches!(layout.shape, Shape::Narrow | Shape::Compact) {
            let width = u16::try_from(word.len()).unwrap_or(0).min(layout.limits.width);
            let end = Rect { x: layout.limits.right() - width, width, ..layout.limits };
            put(buf, end, &word, self.paint.style(Meaning::Frozen), self.paint.glyphs);
        }
    }

    /// A word in the lower border of a panel.
    fn stamp(&self, place: Rect, word: &str, meaning: Meaning, buf: &mut Buffer) {
        if place.height > 2 && matches!(self.layout.shape, Shape::Full | Shape::Wide) {
            let width = u16::try_from(word.len()).unwrap_or(0).min(place.width.saturating_sub(2));
            let at = Rect { x: place.right() - width - 1, y: place.bottom() - 1, width, height: 1 };
            put(buf, at, word, self.paint.style(meaning), self.paint.glyphs);
        }
    }

    /// Frozen and past are impossible to overlook: every frame on the screen says it, and where there are no
    /// frames the first line is a bar.
    fn mark_held(&self, buf: &mut Buffer) {
        let word = match (self.app.reel.hold(), &self.app.options.profile.feed) {
            _ if self.app.journey.playing.is_some() => " REPLAY ",
            (Hold::Frozen, _) => " FROZEN ",
            (Hold::Past, _) => " PAST ",
            (Hold::Following, Feed::Recording(_)) => " RECORDING ",
            (Hold::Following, _) => return,
        };
        if matches!(self.layout.shape, Shape::Narrow | Shape::Compact) {
            buf.set_style(self.layout.header, self.paint.style(Meaning::Frozen));
        }
        for place in [self.layout.pools, self.layout.connections, self.layout.suspects] {
            self.stamp(place, word, Meaning::Frozen, buf);
        }
    }

    /// Before the first sample: which targets are tried, what each of them says.
    fn waiting(&self, area: Rect, buf: &mut Buffer) {
        self.header(&[], buf);
        let text = "Connecting. The screen fills with the first sample.";
        let row = Rect {
            x: area.x + 2,
            y: area.y + area.height / 2,
            width: area.width.saturating_sub(4),
            height: 1,
        };
        put(buf, row, text, self.paint.style(Meaning::Muted), self.paint.glyphs);
    }

    fn layers(&self, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let paint = &self.paint;
        let mut cursor = None;
        for layer in &self.app.layers {
            cursor = match layer {
                Layer::Page(page) => {
                    page.draw(paint, area, buf);
                    None
                }
                Layer::Tree(tree) => {
                    if let Some(moment) = self.app.reel.shown() {
                        tree.draw(moment, paint, area, buf);
                    }
                    None
                }
                Layer::Choice(choice) => {
                    choice.draw(paint, area, buf);
                    None
                }
                Layer::Confirm(confirm) => {
                    self.app.reel.newest().and_then(|moment| confirm.draw(moment, paint, area, buf))
                }
                Layer::Palette(palette) => Some(palette.draw(&self.app.options.keymap, paint, area, buf)),
                Layer::GoTo(goto) => Some(goto.draw(paint, area, buf)),
                Layer::Secret(secret) => Some(secret.draw(paint, area, buf)),
                Layer::Sheet(sheet) => sheet.draw(paint, area, buf),
                Layer::Size(size) => size.draw(paint, area, buf),
            };
        }
        cursor
    }
}
