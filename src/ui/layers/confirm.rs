//! The question before an operation: exactly whom it would reach, what it would do, and No as the answer at hand.

mod draw;
mod rows;

use std::collections::HashMap;

use tui_input::Input;

use crate::control::confirm::{Answer, Confirmed, Question};
use crate::model::operation::{BlastRadius, Operation};
use crate::text::Text;
use crate::ui::command::Command;

/// The ages that `+` and `-` go through, in seconds.
const AGES: [u32; 14] = [5, 10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];

/// The buttons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Button {
    /// Nothing happens.
    #[default]
    No,
    /// Do it.
    Yes,
}

/// The open question.
#[derive(Debug)]
pub struct Confirm {
    /// Whom it is about.
    pub question: Question,
    /// For "terminate idle transactions": from which age on, s.
    pub age_s: Option<u32>,
    radius: HashMap<i32, BlastRadius>,
    radius_error: Option<Text>,
    focus: Button,
    /// The profile's name, where it must be typed.
    pub name: Input,
    error: Option<String>,
    drawn: bool,
    offset: usize,
    /// The last offset that still fills the list.
    last: usize,
}

/// What a key in the dialog leads to.
#[derive(Debug)]
pub enum Then {
    /// It stays open.
    Stay,
    /// It closes, nothing is done.
    Close,
    /// It closes, and this is done.
    Execute(Confirmed<Operation>),
    /// The age changed: ask anew with this one.
    Age(u32),
}

impl Confirm {
    /// Opens the question. Until it was drawn once, no key reaches it.
    pub fn new(question: Question, age_s: Option<u32>) -> Self {
        Self {
            question,
            age_s,
            radius: HashMap::new(),
            radius_error: None,
            focus: Button::No,
            name: Input::default(),
            error: None,
            drawn: false,
            offset: 0,
            last: 0,
        }
    }

    /// Whether a person can have seen it, so that keys count from now on.
    pub fn is_drawn(&self) -> bool {
        self.drawn
    }

    /// It stands on the screen.
    pub fn set_drawn(&mut self) {
        self.drawn = true;
    }

    /// Whether the profile's name must be typed.
    pub fn wants_name(&self) -> bool {
        self.question.name_to_type().is_some() && !self.question.is_void()
    }

    /// Takes what would happen, or why it is not known.
    pub fn set_radius(&mut self, result: &Result<Vec<BlastRadius>, Text>) {
        match result {
            Ok(found) => {
                self.radius_error = None;
                self.radius.extend(found.iter().map(|radius| (radius.pid, radius.clone())));
            }
            Err(why) => self.radius_error = Some(why.clone()),
        }
    }

    /// Takes over a question about the same, asked anew.
    pub fn ask_anew(&mut self, question: Question, age_s: u32) {
        (self.question, self.age_s, self.error, self.offset) = (question, Some(age_s), None, 0);
    }

    /// A command in the dialog.
    pub fn command(&mut self, command: Command) -> Then {
        match command {
            Command::Close | Command::Back | Command::No => return Then::Close,
            Command::NextPanel | Command::PreviousPanel | Command::Left | Command::Right => {
                self.focus = if self.focus == Button::No { Button::Yes } else { Button::No };
            }
            Command::Up => self.offset = self.offset.saturating_sub(1),
            Command::Down => self.offset = (self.offset + 1).min(self.last),
            Command::PageUp => self.offset = self.offset.saturating_sub(5),
            Command::PageDown => self.offset = (self.offset + 5).min(self.last),
            Command::Yes => return self.answer(&Answer::Yes),
            Command::Open | Command::Answer => return self.press(),
            Command::Older => return self.other_age(true),
            Command::Younger => return self.other_age(false),
            _ => {}
        }
        Then::Stay
    }

    /// Enter: the focused button; a typed name is an answer of its own.
    fn press(&mut self) -> Then {
        let typed = self.name.value().trim().to_owned();
        match (self.wants_name(), typed.is_empty(), self.focus) {
            (true, false, _) => self.answer(&Answer::Name(typed)),
            (_, _, Button::No) => Then::Close,
            (_, _, Button::Yes) => self.answer(&Answer::Yes),
        }
    }

    fn answer(&mut self, answer: &Answer) -> Then {
        match self.question.answer(answer) {
            Ok(Some(confirmed)) => Then::Execute(confirmed),
            Ok(None) => Then::Close,
            Err(error) => {
                self.error = Some(error.to_string());
                Then::Stay
            }
        }
    }

    fn other_age(&self, older: bool) -> Then {
        let Some(age) = self.age_s else { return Then::Stay };
        let next = if older {
            AGES.iter().find(|known| **known > age)
        } else {
            AGES.iter().rfind(|known| **known < age)
        };
        next.map_or(Then::Stay, |next| Then::Age(*next))
    }
}
