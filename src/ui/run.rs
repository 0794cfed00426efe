//! The event loop: keys, inputs and time go in, effects come out, at most thirty frames a second are drawn.

use std::time::Duration;

use crossterm::event::{Event as TerminalEvent, EventStream};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::contract::{Effect, Input, Options, Tone};
use super::state::app::{App, Event};
use super::terminal::Screen;
use crate::text::Text;

/// Between two frames.
const FRAME: Duration = Duration::from_millis(33);

/// How often ages and countdowns move.
const TICK: Duration = Duration::from_secs(1);

/// Why the screen ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The terminal cannot be used, or went away.
    #[error("the terminal cannot be used")]
    Terminal(#[from] std::io::Error),
    /// Another part of the program failed.
    #[error("{0}")]
    Fatal(Text),
}

/// Runs the screen until it is quit. `Ok` is a wish to end; everything else is an error.
///
/// Takes the terminal over at once and gives it back before it returns. `inputs` may be slow or silent: keys are
/// answered all the same. `effects` must be read; an effect that finds it full is refused with a toast.
pub async fn run(options: Options, inputs: Receiver<Input>, effects: Sender<Effect>) -> Result<(), RunError> {
    let screen = Screen::open()?;
    let (width, height) = screen.size();
    let mut app = App::new(options);
    app.update(Event::Resize(width, height));
    Loop { app, screen, inputs, effects, keys: EventStream::new(), drawn: Instant::now() - FRAME }.run().await
}

struct Loop {
    app: App,
    screen: Screen,
    inputs: Receiver<Input>,
    effects: Sender<Effect>,
    keys: EventStream,
    drawn: Instant,
}

impl Loop {
    async fn run(mut self) -> Result<(), RunError> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut inputs_open = true;
        while self.app.end().is_none() {
            let frame_due = self.drawn + FRAME;
            tokio::select! {
                // A frame that is due comes first, so that no flood of keys keeps the screen from showing them.
                biased;
                () = sleep_until(frame_due), if self.app.is_dirty() => self.draw()?,
                key = self.keys.next() => self.key(key)?,
                input = self.inputs.recv(), if inputs_open => match input {
                    Some(input) => self.input(input)?,
                    None => inputs_open = false,
                },
                _ = ticks.tick() => self.update(Event::Tick)?,
            }
        }
        match self.app.end() {
            Some(Err(why)) => Err(RunError::Fatal(why.clone())),
            _ => Ok(()),
        }
    }

    fn key(&mut self, key: Option<std::io::Result<TerminalEvent>>) -> Result<(), RunError> {
        let gone = || std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "it is gone");
        match key.ok_or_else(gone)?? {
            TerminalEvent::Key(key) => self.update(Event::Key(key)),
            TerminalEvent::Paste(text) => self.update(Event::Paste(text)),
            TerminalEvent::Resize(width, height) => self.update(Event::Resize(width, height)),
            _ => Ok(()),
        }
    }

    /// Takes everything that waits. Of several moments only the newest counts; each is still offered, because
    /// marks, events and steps back follow them all.
    fn input(&mut self, first: Input) -> Result<(), RunError> {
        let mut next = Some(first);
        while let Some(input) = next {
            self.update(Event::Input(input))?;
            next = self.inputs.try_recv().ok();
        }
        Ok(())
    }

    fn update(&mut self, event: Event) -> Result<(), RunError> {
        for effect in self.app.update(event) {
            self.carry_out(effect)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect) -> Result<(), RunError> {
        match effect {
            Effect::Copy(text) => self.screen.copy(&text)?,
            Effect::Redraw => self.screen.clear()?,
            Effect::Suspend => self.screen.suspend()?,
            effect => {
                if let Err(TrySendError::Full(effect) | TrySendError::Closed(effect)) =
                    self.effects.try_send(effect)
                {
                    self.app.update(Event::Input(refused(&effect)));
                }
            }
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<(), RunError> {
        self.screen.draw(&self.app)?;
        self.drawn = Instant::now();
        if self.app.set_drawn() {
            self.throw_keys_away()?;
        }
        Ok(())
    }

    /// Keys that wait already were pressed before the question could be read: none of them is its answer.
    fn throw_keys_away(&mut self) -> Result<(), RunError> {
        while let Some(waiting) = self.keys.next().now_or_never() {
            if matches!(waiting, Some(Ok(TerminalEvent::Key(_) | TerminalEvent::Paste(_)))) {
                continue;
            }
            self.key(waiting)?;
        }
        Ok(())
    }
}

/// What the screen is told when nobody takes what it asks for.
fn refused(effect: &Effect) -> Input {
    let text = Text::line("pooltop is busy; this was not done. Try again.");
    match effect {
        Effect::Travel { ticket, .. } | Effect::Glance { ticket, .. } => {
            Input::Past { ticket: *ticket, moment: Err(text) }
        }
        _ => Input::Toast(Tone::Error, text),
    }
}
