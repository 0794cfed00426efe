//! One frame: the state, put where the layout says.

use std::sync::Arc;

use ratatui::Frame as Terminal;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::command::{Command, Place};
use super::contract::Feed;
use super::layers::Layer;
use super::layout::{Layout, Panel, Shape};
use super::paint::{Paint, put, put_line};
use super::panels::footer::Footer;
use super::panels::header::Header;
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
        let layout = Layout::new(area, self.focus);
        if layout.shape == Shape::TooSmall {
            self.draw_plain(&paint, area, buf);
            return None;
        }
        let scene = Scene { app: self, paint, layout, now: self.reel.now(now) };
        match self.reel.shown() {
            Some(moment) => scene.moment(moment, buf),
            None => scene.waiting(area, buf),
        }
        let typed = footer::draw(&self.footer(layout.shape), &paint, layout.footer, buf);
        toasts::draw(&self.toasts, &paint, area, buf);
        scene.layers(area, buf).or(typed)
    }

    /// A terminal too small for anything but the verdict.
    fn draw_plain(&self, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
        let text = match self.reel.shown() {
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

    fn footer(&self, shape: Shape) -> Footer {
        if let Some(input) = self.filter_line.as_ref().filter(|_| self.layers.is_empty()) {
            let note = match &self.connections.filter_error {
                Some(error) => (error.to_string(), Meaning::Danger),
                None => ("text, !text, field:value, age>30s   esc clears".to_owned(), Meaning::Muted),
            };
            let (text, cursor) = (input.value().to_owned(), input.visual_cursor());
            return Footer::Typing { prompt: "/", text, cursor, note };
        }
        let place = self.place();
        let mut commands: Vec<_> =
            Command::ALL.iter().copied().filter(|command| self.offers(*command, place)).collect();
        commands.sort_by_key(|command| std::cmp::Reverse(command.row().weight));
        let most = if shape == Shape::Narrow { 3 } else { usize::MAX };
        let key = |command: Command| {
            let chord = self.options.keymap.key(place, command)?;
            Some((chord.label(self.paint().glyphs), self.label(command)))
        };
        Footer::Keys(commands.into_iter().filter_map(key).take(most).collect())
    }

    /// Whether the footer names a command here and now.
    fn offers(&self, command: Command, place: Place) -> bool {
        let row = command.row();
        let works_here = row.place == place
            || (row.place == Place::Everywhere && place != Place::Line)
            || (place == Place::Layer && command.operates());
        let now = match command {
            Command::Secret => self.needs_secret(),
            Command::Retry => self.has_trouble(),
            Command::Close => place != Place::Screen || self.connections.is_filtered(),
            Command::Older | Command::Younger => {
                matches!(self.layers.last(), Some(Layer::Confirm(confirm)) if confirm.age_s.is_some())
            }
            Command::NextPanel | Command::Back => place == Place::Screen,
            Command::Open => place != Place::Question,
            _ if command.operates() => !self.options.profile.is_read_only() && place != Place::Choice,
            _ => true,
        };
        row.weight > 0 && works_here && now
    }

    fn label(&self, command: Command) -> String {
        let marked = self.connections.marks.len();
        match command {
            Command::Terminate if marked > 0 => format!("terminate {marked} marked"),
            Command::Open => match (self.place(), self.focus) {
                (Place::Choice, _) => "choose".to_owned(),
                (_, Panel::Pools) => "connections".to_owned(),
                (_, Panel::Suspects) => "evidence".to_owned(),
                (_, Panel::Connections) => "detail".to_owned(),
            },
            Command::Freeze if self.reel.hold() != Hold::Following => "go on".to_owned(),
            _ => command.row().short.to_owned(),
        }
    }

    fn needs_secret(&self) -> bool {
        self.reel.newest().is_some_and(|moment| moment.targets.iter().any(|target| target.needs_secret))
    }

    fn has_trouble(&self) -> bool {
        let live = |target: &TargetStatus| target.state == TargetState::Live;
        self.reel.newest().is_some_and(|moment| !moment.targets.iter().all(live))
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
        verdict::draw(&moment.verdict, paint, layout.verdict, buf);
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
        self.mark_stale(moment, buf);
        self.mark_held(buf);
    }

    fn header(&self, targets: &[TargetStatus], buf: &mut Buffer) {
        let header =
            Header { profile: &self.app.options.profile, targets, now: self.now, hold: self.app.reel.hold() };
        header::draw(&header, &self.paint, self.layout.header, buf);
    }

    fn tabs<'t>(&self, moment: &Moment) -> Line<'t> {
        let count = |panel| match panel {
            Panel::Pools => self.app.pools.lines.len(),
            Panel::Connections => moment.backends.len(),
            Panel::Suspects => moment.findings.len(),
        };
        let name = |panel: Panel| (format!("{} {}", panel.title(), count(panel)), panel == self.app.focus);
        let mut line = tabs::line(&Panel::ALL.map(name), &self.paint);
        line.extend(connections::filter_line(&self.app.connections, &self.paint));
        line
    }

    fn frame(&self, panel: Panel, moment: &Moment) -> Frame {
        Frame {
            focused: self.app.focus == panel && self.app.layers.is_empty(),
            bordered: matches!(self.layout.shape, Shape::Full | Shape::Wide),
            narrow: self.layout.shape == Shape::Narrow,
            empty: self.empty(panel, moment),
        }
    }

    /// What an empty list says: why it is empty, and what to do about it.
    fn empty(&self, panel: Panel, moment: &Moment) -> String {
        if moment.servers.iter().all(Option::is_none) {
            return "No server was seen yet; t shows why.".to_owned();
        }
        let list = &self.app.connections;
        match panel {
            Panel::Pools => "No pool: nobody is connected but pooltop.".to_owned(),
            Panel::Suspects if moment.verdict.kind == crate::model::verdict::VerdictKind::Unknown => {
                "Too little is known yet to suspect anybody.".to_owned()
            }
            Panel::Suspects => "No leak suspects.".to_owned(),
            Panel::Connections if moment.servers.iter().flatten().any(|server| server.counts_only) => {
                "The server answers slowly: only counts are read now.".to_owned()
            }
            Panel::Connections if list.is_filtered() => {
                let filter = if list.typed.is_empty() { "this pool" } else { &list.typed };
                format!("No {} connections match {filter}. Esc clears the filter.", list.tab.label())
            }
            Panel::Connections => format!("No {} connections.", list.tab.label()),
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

    /// When no server is live, what is below the verdict is the past, and looks like it.
    fn mark_stale(&self, moment: &Moment, buf: &mut Buffer) {
        let servers = moment.targets.iter().zip(&moment.servers).filter(|(_, server)| server.is_some());
        let mut states = servers.map(|(target, _)| target.state).peekable();
        if states.peek().is_none() || states.any(|state| state == TargetState::Live) {
            return;
        }
        let (layout, stale) = (&self.layout, self.paint.style(Meaning::Stale));
        for place in
            [layout.limits, layout.states, layout.pools, layout.connections, layout.suspects, layout.detail]
        {
            buf.set_style(place, stale);
        }
    }

    /// Frozen and past are impossible to overlook: every frame on the screen says it.
    fn mark_held(&self, buf: &mut Buffer) {
        let word = match (self.app.reel.hold(), &self.app.options.profile.feed) {
            (Hold::Frozen, _) => " FROZEN ",
            (Hold::Past(_), _) => " PAST ",
            (Hold::Following, Feed::Recording(_)) => " RECORDING ",
            (Hold::Following, _) => return,
        };
        let style = self.paint.style(Meaning::Frozen);
        let layout = &self.layout;
        for place in [layout.pools, layout.connections, layout.suspects] {
            if place.height > 2 && matches!(layout.shape, Shape::Full | Shape::Wide) {
                let width = u16::try_from(word.len()).unwrap_or(0).min(place.width);
                let at = Rect { x: place.right() - width - 1, y: place.bottom() - 1, width, height: 1 };
                put(buf, at, word, style, self.paint.glyphs);
            }
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
                Layer::Secret(secret) => Some(secret.draw(paint, area, buf)),
            };
        }
        cursor
    }
}
