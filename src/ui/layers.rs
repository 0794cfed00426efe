//! One file per layer: what it holds, how it takes commands, how it is drawn. The top layer gets the keys.

pub mod choice;
pub mod compare;
pub mod confirm;
pub mod detail;
pub mod evidence;
pub mod goto;
pub mod help;
pub mod page;
pub mod palette;
pub mod secret;
pub mod sheet;
pub mod size;
pub mod timeline;
pub mod tree;

use crate::ui::command::Place;

/// A layer over the screen.
#[derive(Debug)]
pub enum Layer {
    /// Something to read.
    Page(page::Page),
    /// The blocking tree.
    Tree(tree::Tree),
    /// One line of several: a profile, a format, whether to quit.
    Choice(choice::Choice),
    /// The question before an operation.
    Confirm(Box<confirm::Confirm>),
    /// Commands by name.
    Palette(palette::Palette),
    /// A time to go to.
    GoTo(goto::GoTo),
    /// A password.
    Secret(secret::Secret),
    /// A list over the whole screen.
    Sheet(Box<dyn sheet::Listed>),
    /// The sizing calculator.
    Size(Box<size::Size>),
}

impl Layer {
    /// Which keys it takes.
    pub fn place(&self) -> Place {
        match self {
            Self::Page(_) | Self::Tree(_) => Place::Layer,
            Self::Choice(_) => Place::Choice,
            Self::Confirm(confirm) if confirm.wants_name() => Place::Line,
            Self::Confirm(_) => Place::Question,
            Self::Sheet(sheet) if !sheet.is_typing() => Place::Layer,
            Self::Palette(_) | Self::GoTo(_) | Self::Secret(_) | Self::Sheet(_) => Place::Line,
            Self::Size(_) => Place::Form,
        }
    }
}
