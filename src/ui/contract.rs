//! What the screen is given, what reaches it while it runs, and what it asks of the outside.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::keymap::Keymap;
use super::theme::{Depth, Theme, Themes};
use crate::analysis::Moment;
use crate::analysis::sizing::draft::Draft;
use crate::control::confirm::{Access, Confirmed, Policy};
use crate::model::clock::Clock;
use crate::model::operation::{BlastRadius, Operation, OperationReport};
use crate::model::secret::SecretString;
use crate::model::target::TargetName;
use crate::text::Text;

/// What the screen is started with.
#[derive(Debug)]
pub struct Options {
    /// The profile that runs.
    pub profile: ProfileHeader,
    /// The clock for ages, countdowns and the header.
    pub clock: Clock,
    /// For times of day: the machine's zone, or UTC.
    pub zone: TimeZone,
    /// Theme files that `:theme NAME` can load.
    pub themes: Themes,
    /// The theme to start with.
    pub theme: Theme,
    /// Draw with ASCII signs only.
    pub ascii: bool,
    /// Which key runs what.
    pub keymap: Keymap,
}

impl Options {
    /// The defaults for a profile: the dark theme in all colours, UTC, the built-in keys.
    pub fn new(profile: ProfileHeader, clock: Clock) -> Result<Self, OptionsError> {
        let themes = Themes::built_in();
        Ok(Self {
            profile,
            clock,
            zone: TimeZone::UTC,
            theme: themes.load("dark", Depth::True)?,
            themes,
            ascii: false,
            keymap: Keymap::new(&[])?,
        })
    }
}

/// Why the screen cannot start with these options.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The theme.
    #[error(transparent)]
    Theme(#[from] super::theme::ThemeError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] super::keymap::KeymapError),
}

/// What the header says about the profile, and what may be done in it.
#[derive(Clone, Debug)]
pub struct ProfileHeader {
    /// Its name, or the endpoint of an ad-hoc target.
    pub name: Text,
    /// `PRODUCTION`, `staging`, …; framed in the danger colour for a production profile.
    pub label: Option<Text>,
    /// Whether it is one.
    pub production: bool,
    /// Where the samples come from.
    pub feed: Feed,
    /// Thresholds are compressed by this factor; 1 is real time. Shown when it is not 1.
    pub time_scale: f64,
    /// What may be done and how it is asked. [`Access::ReadOnly`] where operations cannot work at all.
    pub policy: Policy,
}

impl ProfileHeader {
    /// Whether no operation can be sent: by policy, or because a recording is shown.
    pub fn is_read_only(&self) -> bool {
        self.policy.access == Access::ReadOnly || matches!(self.feed, Feed::Recording(_))
    }

    /// Whether leaving without an export is worth a question.
    pub fn asks_before_quitting(&self) -> bool {
        self.feed == Feed::Live
    }
}

/// Where the samples come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feed {
    /// The profile's own targets.
    Live,
    /// A throwaway server with a leaking application.
    Demo,
    /// A recording, with its name.
    Recording(Text),
}

/// A profile that can be switched to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileEntry {
    /// Its name.
    pub name: Text,
    /// Its label.
    pub label: Option<Text>,
    /// One line: its endpoints.
    pub summary: Text,
    /// Whether it is the one that runs.
    pub current: bool,
}

/// How loud a toast is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// It worked, or is worth knowing.
    Info,
    /// It did not work as asked.
    Warning,
    /// It failed.
    Error,
}

/// What reaches the screen from outside while it runs.
#[derive(Debug)]
pub enum Input {
    /// A new sample, analysed.
    Moment(Arc<Moment>),
    /// What [`Effect::Inspect`] found, or why it could not look.
    Radius {
        /// On which target.
        target: TargetName,
        /// Per session, or the reason.
        result: Result<Vec<BlastRadius>, Text>,
    },
    /// How an operation stands; comes again when it is settled.
    Report(OperationReport),
    /// A line to show for a while.
    Toast(Tone, Text),
    /// A snapshot was written, to this path.
    Exported(Text),
    /// Another profile runs now.
    Profile(ProfileHeader),
    /// The profiles that can be switched to.
    Profiles(Vec<ProfileEntry>),
    /// What is known of the profile's servers before anything is seen, for the sizing calculator.
    Servers(Vec<(TargetName, Draft)>),
    /// Something that the program cannot live with: the screen ends with this error.
    Fatal(Text),
    /// A signal asks the program to end: no question.
    End,
}

/// In which format a snapshot is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotFormat {
    /// The schema `pooltop.snapshot/1`.
    Json,
    /// Backends as a table.
    Csv,
    /// A report as a page.
    Html,
    /// A report for a ticket.
    Markdown,
    /// The screen in words.
    Text,
    /// The screen as a picture.
    Svg,
}

impl SnapshotFormat {
    /// Every format, the most asked for first.
    pub const ALL: [Self; 6] = [Self::Html, Self::Markdown, Self::Json, Self::Csv, Self::Text, Self::Svg];

    /// Its word, as on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Text => "text",
            Self::Svg => "svg",
        }
    }

    /// What it is good for.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Json => "everything, for programs: schema pooltop.snapshot/1",
            Self::Csv => "one line per connection, for spreadsheets",
            Self::Html => "a report with curves: one page for any browser",
            Self::Markdown => "a report for the ticket or the chat",
            Self::Text => "the same in plain text, for mail",
            Self::Svg => "a picture of what is on the screen behind this",
        }
    }
}

/// What the screen asks of the outside.
#[derive(Debug)]
pub enum Effect {
    /// Look what an operation would do; answered by [`Input::Radius`]. Changes nothing.
    Inspect(Operation),
    /// Carry out what was confirmed; answered by [`Input::Report`].
    Execute(Confirmed<Operation>),
    /// Write a snapshot; answered by [`Input::Exported`] or an error toast.
    Export {
        /// The format.
        format: SnapshotFormat,
        /// What is on the screen, frozen or stepped back included.
        moment: Arc<Moment>,
        /// The screen, where the format is [`SnapshotFormat::Svg`].
        picture: Option<String>,
    },
    /// Run another profile; answered by [`Input::Profile`].
    SwitchProfile(Text),
    /// Save the targets that run under this name.
    SaveProfile(String),
    /// Try to reach this target now.
    Retry(TargetName),
    /// Use this secret for this target.
    Secret(TargetName, SecretString),
    /// Put this text into the terminal's clipboard. Carried out by the event loop.
    Copy(String),
    /// Draw everything anew. Carried out by the event loop.
    Redraw,
    /// Give the terminal back to the shell until `fg`. Carried out by the event loop.
    Suspend,
    /// End.
    Quit,
}
