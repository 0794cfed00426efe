//! The whole state of the screen and the one way in: [`App::update`].

use std::collections::HashMap;
use std::sync::Arc;

use crossterm::event::{KeyEvent, KeyEventKind};
use ratatui::layout::Rect;
use tui_input::Input as LineInput;

use super::connections::{Connections, RowId};
use super::fleet::Fleet;
use super::line;
use super::pauses::Pauses;
use super::pools::Pools;
use super::reel::Reel;
use super::suspects::Suspects;
use super::toasts::Toasts;
use super::travel::Journey;
use crate::analysis::Moment;
use crate::analysis::sizing::draft::Draft;
use crate::model::operation::{BlastRadius, OperationReport};
use crate::model::sample::ServerIdentity;
use crate::model::target::TargetName;
use crate::model::time::Timestamp;
use crate::text::Text;
use crate::ui::command::{Command, Place};
use crate::ui::contract::{Effect, Input, Options, ProfileEntry, Tone};
use crate::ui::glyphs::Glyphs;
use crate::ui::keymap::Chord;
use crate::ui::layers::Layer;
use crate::ui::layers::detail::Inspection;
use crate::ui::layers::sheet::AnySheet as _;
use crate::ui::layout::{Layout, Lines, Panel};
use crate::ui::paint::Paint;
use crate::ui::panels::states::States;

/// What the event loop hands over.
#[derive(Debug)]
pub enum Event {
    /// A key.
    Key(KeyEvent),
    /// Something pasted. It is text, never keys.
    Paste(String),
    /// The terminal has this size.
    Resize(u16, u16),
    /// Time passed: countdowns, ages, toasts.
    Tick,
    /// Something from outside.
    Input(Input),
}

/// The state of the screen. Nothing in here knows a terminal, a runtime or a network.
#[derive(Debug)]
pub struct App {
    pub(in crate::ui) options: Options,
    pub(in crate::ui) area: Rect,
    pub(in crate::ui) reel: Reel,
    pub(in crate::ui) focus: Panel,
    pub(in crate::ui) pools: Pools,
    pub(in crate::ui) connections: Connections,
    pub(in crate::ui) suspects: Suspects,
    pub(in crate::ui) states: States,
    pub(in crate::ui) journey: Journey,
    /// The filter while it is typed.
    pub(in crate::ui) filter_line: Option<LineInput>,
    pub(in crate::ui) layers: Vec<Layer>,
    /// Where several profiles are watched.
    pub(in crate::ui) fleet: Option<Fleet>,
    pub(in crate::ui) toasts: Toasts,
    pub(in crate::ui) profiles: Vec<ProfileEntry>,
    pub(in crate::ui) servers: Vec<(TargetName, Draft)>,
    pub(in crate::ui) reports: Vec<(Timestamp, OperationReport)>,
    pub(in crate::ui) pauses: Pauses,
    pub(in crate::ui) inspections: HashMap<RowId, Inspection>,
    pub(in crate::ui) detail: Vec<ratatui::text::Line<'static>>,
    /// The row that the detail at the right showed at the last tick: asked about once it stays.
    pub(super) settled: Option<RowId>,
    pub(super) identities: HashMap<TargetName, ServerIdentity>,
    pub(super) found_something: bool,
    pub(super) exported: bool,
    pub(super) end: Option<Result<(), Text>>,
    pub(super) effects: Vec<Effect>,
    dirty: bool,
}

impl App {
    /// A screen without any data.
    pub fn new(options: Options) -> Self {
        Self {
            fleet: options.fleet.then(|| Fleet::new(options.clock.now())),
            options,
            area: Rect::ZERO,
            reel: Reel::default(),
            focus: Panel::default(),
            pools: Pools::default(),
            connections: Connections::default(),
            suspects: Suspects::default(),
            states: States::default(),
            journey: Journey::default(),
            filter_line: None,
            layers: Vec::new(),
            toasts: Toasts::default(),
            profiles: Vec::new(),
            servers: Vec::new(),
            reports: Vec::new(),
            pauses: Pauses::default(),
            inspections: HashMap::new(),
            detail: Vec::new(),
            settled: None,
            identities: HashMap::new(),
            found_something: false,
            exported: false,
            end: None,
            effects: Vec::new(),
            dirty: true,
        }
    }

    /// Takes one event; returns what is asked of the outside.
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) if key.kind == KeyEventKind::Release => {}
            Event::Key(key) => self.key(key),
            Event::Paste(text) => self.paste(&text),
            Event::Resize(width, height) => {
                self.area = Rect::new(0, 0, width, height);
                self.arrange();
            }
            Event::Tick => self.tick(),
            Event::Input(input) => self.input(input),
        }
        std::mem::take(&mut self.effects)
    }

    /// Whether something changed since [`App::set_drawn`].
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// The frame stands on the screen. Returns whether a question was drawn for the first time: keys that were
    /// pressed before this moment must be thrown away, because nobody can have meant them as its answer.
    pub fn set_drawn(&mut self) -> bool {
        self.dirty = false;
        match self.layers.last_mut() {
            Some(Layer::Confirm(confirm)) if !confirm.is_drawn() => {
                confirm.set_drawn();
                true
            }
            _ => false,
        }
    }

    /// How the program ends, once it should: well, or with an error.
    pub fn end(&self) -> Option<&Result<(), Text>> {
        self.end.as_ref()
    }

    /// The moment that is shown.
    pub fn moment(&self) -> Option<&Arc<Moment>> {
        self.reel.shown()
    }

    pub(in crate::ui) fn layout(&self) -> Layout {
        self.layout_of(self.area)
    }

    pub(in crate::ui) fn layout_of(&self, area: Rect) -> Layout {
        let lines = Lines { banner: self.banner().is_some(), ruler: self.shows_ruler() };
        Layout::new(area, self.focus, lines)
    }

    pub(in crate::ui) fn paint(&self) -> Paint<'_> {
        Paint { theme: &self.options.theme, glyphs: Glyphs::of(self.options.ascii), zone: &self.options.zone }
    }

    pub(in crate::ui) fn place(&self) -> Place {
        match (&self.filter_line, self.layers.last()) {
            (_, Some(layer)) => layer.place(),
            (Some(_), None) => Place::Line,
            (None, None) => self.shown_fleet().map_or(Place::Screen, Fleet::place),
        }
    }

    pub(super) fn touch(&mut self) {
        self.dirty = true;
    }

    pub(super) fn toast(&mut self, tone: Tone, text: &str) {
        let now = self.options.clock.monotonic();
        self.toasts.show(now, tone, Text::line(text));
        self.touch();
    }

    fn key(&mut self, key: KeyEvent) {
        if matches!(self.layers.last(), Some(Layer::Confirm(confirm)) if !confirm.is_drawn()) {
            return;
        }
        self.touch();
        let command = self.options.keymap.command(self.place(), Chord::of(key));
        match (command, self.layers.last_mut()) {
            (Some(Command::Quit), _) => self.quit(),
            (Some(command), Some(_)) => self.layer_command(command),
            (Some(command), None) if self.filter_line.is_some() => self.filter_command(command),
            (Some(command), None) => self.base_command(command),
            (None, _) => self.type_key(key),
        }
        self.arrange();
    }

    /// A key that runs nothing is typed, where something is typed.
    fn type_key(&mut self, key: KeyEvent) {
        match self.layers.last_mut() {
            Some(Layer::Palette(palette)) => {
                if line::key(&mut palette.input, key) {
                    palette.search();
                }
            }
            Some(Layer::GoTo(goto)) => {
                if line::key(&mut goto.input, key) {
                    goto.error = None;
                }
            }
            Some(Layer::Secret(secret)) => drop(line::key(&mut secret.input, key)),
            Some(Layer::Confirm(_)) => self.type_name(key),
            Some(Layer::Sheet(sheet)) => sheet.type_key(key),
            Some(Layer::Size(size)) => size.key(key),
            Some(_) => {}
            None => self.type_into_filter(key),
        }
    }

    fn type_into_filter(&mut self, key: KeyEvent) {
        if let Some(fleet) = self.shown_fleet_mut() {
            fleet.sheet.type_key(key);
        } else if self.filter_line.as_mut().is_some_and(|input| line::key(input, key)) {
            self.apply_filter();
        }
    }

    fn paste(&mut self, text: &str) {
        self.touch();
        let typing = self.shown_fleet().is_some_and(|fleet| fleet.sheet.is_typing());
        match (self.layers.last_mut(), &mut self.filter_line) {
            (None, _) if typing => {
                if let Some(fleet) = self.shown_fleet_mut() {
                    fleet.sheet.paste(text);
                }
            }
            (Some(Layer::Palette(palette)), _) => {
                line::paste(&mut palette.input, text);
                palette.search();
            }
            (Some(Layer::GoTo(goto)), _) => line::paste(&mut goto.input, text),
            (Some(Layer::Secret(secret)), _) => line::paste(&mut secret.input, text),
            (Some(Layer::Sheet(sheet)), _) if sheet.is_typing() => sheet.paste(text),
            (Some(Layer::Size(size)), _) => size.paste(text),
            (None, Some(input)) => {
                line::paste(input, text);
                self.apply_filter();
            }
            _ => self.toast(Tone::Info, "Pasted text is not taken as keys. / pastes into the filter."),
        }
        self.arrange();
    }

    pub(super) fn apply_filter(&mut self) {
        if let Some(input) = &self.filter_line {
            let typed = input.value().to_owned();
            self.connections.type_filter(&typed);
            self.refresh_lists();
        }
    }

    fn tick(&mut self) {
        let now = self.options.clock.monotonic();
        self.toasts.expire(now);
        self.inspect_settled();
        self.arrange_fleet();
        self.touch();
    }

    pub(super) fn set_radius(&mut self, target: &TargetName, result: &Result<Vec<BlastRadius>, Text>) {
        if let Some(Layer::Confirm(confirm)) = self.layers.last_mut()
            && confirm.question.target() == target
        {
            confirm.set_radius(result);
        }
        let Some(moment) = self.reel.newest().cloned() else { return };
        let place = moment.targets.iter().position(|status| status.name == *target);
        match result {
            Ok(found) => {
                let rows = moment.backends.iter().filter(|row| Some(row.target) == place);
                for row in rows {
                    if let Some(radius) = found.iter().find(|radius| radius.pid == row.backend.pid()) {
                        self.inspections.insert(RowId::of(row), Inspection::Known(radius.clone()));
                    }
                }
            }
            Err(why) => {
                for inspection in self.inspections.values_mut().filter(|known| **known == Inspection::Pending)
                {
                    *inspection = Inspection::Failed(why.clone());
                }
            }
        }
    }
}
