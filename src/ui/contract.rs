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
use crate::model::time::Timestamp;
use crate::model::track::{Play, Playing, Track, Travel};
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
    /// Several profiles are watched: the screen begins with the list of them, which [`Input::Fleet`] fills.
    pub fleet: bool,
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
            fleet: false,
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

/// One of several profiles that are watched together, as it stands.
#[derive(Clone, Debug)]
pub struct FleetMember {
    /// Its name, unique in the fleet.
    pub name: Text,
    /// Its label.
    pub label: Option<Text>,
    /// Whether it is a production profile.
    pub production: bool,
    /// What is known of it; `None` before anything is.
    pub moment: Option<Arc<Moment>>,
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

/// Which question an answer belongs to. The screen numbers its questions, and drops an answer that nobody waits for
/// any more.
pub type Ticket = u64;

/// How the recording into a file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingState {
    /// The file.
    pub file: Text,
    /// The oldest moment in it: the past minutes that it began with included.
    pub since: Timestamp,
    /// Its size now.
    pub bytes: u64,
    /// Frames written so far.
    pub frames: u64,
    /// Why nothing is written any more, where that is so.
    pub problem: Option<Text>,
}

/// What reaches the screen from outside while it runs.
#[derive(Debug)]
pub enum Input {
    /// A new sample, analysed; in a replay the next moment as it plays.
    Moment(Arc<Moment>),
    /// What [`Effect::Travel`] or [`Effect::Glance`] of this ticket led to, or why it led nowhere.
    Past {
        /// Of the question.
        ticket: Ticket,
        /// The moment.
        moment: Result<Arc<Moment>, Text>,
    },
    /// How far the past reaches now, and what stands beside it. Worth sending whenever it changed.
    Track(Arc<Track>),
    /// How the replay stands: at its start, and whenever that changes. Makes the screen one of a replay.
    Playing(Playing),
    /// How the recording into a file stands: now and then while it runs; `None` when none does.
    Recording(Option<RecordingState>),
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
    /// Another profile runs now; of a fleet: it is opened.
    Profile(ProfileHeader),
    /// How the profiles of the fleet stand, all of them.
    Fleet(Vec<FleetMember>),
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
    /// Run another profile, or open one of the fleet; answered by [`Input::Profile`].
    SwitchProfile(Text),
    /// The fleet is shown again: no profile is open any more, all of them go on being watched.
    Fleet,
    /// Save the targets that run under this name.
    SaveProfile(String),
    /// Go to another moment of the past; answered by [`Input::Past`]. A replay goes on from there.
    Travel {
        /// Comes back with the answer.
        ticket: Ticket,
        /// The moment that is shown.
        from: Timestamp,
        /// Which way.
        travel: Travel,
    },
    /// Look up the last moment at or before this time (the oldest, where there is none) without going there; answered
    /// by [`Input::Past`]. A replay stays where it is.
    Glance {
        /// Comes back with the answer.
        ticket: Ticket,
        /// When.
        at: Timestamp,
    },
    /// Go on with the replay, stop it, or change its speed; answered by [`Input::Playing`].
    Play(Play),
    /// Begin to record into a file, or end that; answered by [`Input::Recording`] or an error toast.
    Record(bool),
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
