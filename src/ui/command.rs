//! The one table of commands: what a key, the palette or a test can ask for. Help, palette, footer and docs are made from it.

use crate::model::operation::OperationKind;

/// Where a command works. Also the sections of the keymap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// In every place where no text is typed.
    Everywhere,
    /// On the screen itself, no layer open.
    Screen,
    /// In a layer that is read: detail, blocking tree, help, timeline, results.
    Layer,
    /// In a layer from which one line is chosen: profiles, export.
    Choice,
    /// In the question before an operation.
    Question,
    /// Where a line of text is typed: filter, palette, secret, a profile's name.
    Line,
    /// Where values of several fields are typed: the sizing calculator.
    Form,
    /// In the list of the profiles that are watched together.
    Fleet,
}

impl Place {
    /// Every place.
    pub const ALL: [Self; 8] = [
        Self::Everywhere,
        Self::Screen,
        Self::Layer,
        Self::Choice,
        Self::Question,
        Self::Line,
        Self::Form,
        Self::Fleet,
    ];

    /// The section of the keymap.
    pub fn word(self) -> &'static str {
        match self {
            Self::Everywhere => "everywhere",
            Self::Screen => "screen",
            Self::Layer => "layer",
            Self::Choice => "choice",
            Self::Question => "question",
            Self::Line => "line",
            Self::Form => "form",
            Self::Fleet => "fleet",
        }
    }
}

/// What a command is about: the sections of help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Moving about.
    Move,
    /// What is shown and in which order.
    Show,
    /// Looking closer.
    Look,
    /// Changing something on a server; always asks.
    Operate,
    /// The past.
    Time,
    /// Everything else.
    Program,
}

impl Topic {
    /// Every topic, in the order of help.
    pub const ALL: [Self; 6] = [Self::Move, Self::Show, Self::Look, Self::Operate, Self::Time, Self::Program];

    /// The heading in help.
    pub fn title(self) -> &'static str {
        match self {
            Self::Move => "Move",
            Self::Show => "Show",
            Self::Look => "Look closer",
            Self::Operate => "Operate (always asks)",
            Self::Time => "Time",
            Self::Program => "Program",
        }
    }
}

macro_rules! commands {
    ($($name:ident $word:literal, $topic:ident, $place:ident, $short:literal, $weight:literal, $description:literal;)+) => {
        /// What can be asked for. The words in keymaps are these names in kebab case.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Command { $(#[doc = $description] $name,)+ }

        impl Command {
            /// Every command, in the order of help.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its row of the table.
            pub fn row(self) -> &'static Row {
                match self {
                    $(Self::$name => &Row {
                        word: $word, topic: Topic::$topic, place: Place::$place,
                        short: $short, weight: $weight, description: $description,
                    },)+
                }
            }
        }
    };
}

/// What the table says about a command.
#[derive(Debug)]
pub struct Row {
    /// Its name in keymaps and in the palette.
    pub word: &'static str,
    /// Its section of help.
    pub topic: Topic,
    /// Where it works (besides, a keymap may offer it in other places, which then give it their own meaning).
    pub place: Place,
    /// Its label in the footer.
    pub short: &'static str,
    /// How early the footer shows it: higher first, 0 never.
    pub weight: u8,
    /// One sentence.
    pub description: &'static str,
}

commands! {
    Up "up", Move, Everywhere, "", 0, "One row up";
    Down "down", Move, Everywhere, "", 0, "One row down";
    PageUp "page-up", Move, Everywhere, "", 0, "One page up";
    PageDown "page-down", Move, Everywhere, "", 0, "One page down";
    First "first", Move, Everywhere, "", 0, "To the first row";
    Last "last", Move, Everywhere, "", 0, "To the last row";
    NextPanel "next-panel", Move, Everywhere, "panel", 40, "To the next panel (in a dialog: the next button)";
    PreviousPanel "previous-panel", Move, Everywhere, "", 0, "To the panel before";
    Left "left", Move, Everywhere, "", 0, "To the tab or button at the left";
    Right "right", Move, Everywhere, "", 0, "To the tab or button at the right";

    TabAll "all", Show, Screen, "", 0, "Show the connections in every state";
    TabActive "active", Show, Screen, "", 0, "Show active connections";
    TabIdle "idle", Show, Screen, "", 0, "Show idle connections";
    TabInTransaction "in-transaction", Show, Screen, "", 0, "Show connections idle in transaction";
    TabAborted "aborted", Show, Screen, "", 0, "Show connections idle in an aborted transaction";
    TabBlocked "blocked", Show, Screen, "", 0, "Show connections that wait on a lock";
    Filter "filter", Show, Screen, "filter", 60, "Filter the connections: text, !text, field:value, age>30s";
    Sort "sort", Show, Screen, "sort", 35, "Sort by the next column";
    Reverse "reverse", Show, Screen, "", 0, "Reverse the order";
    RollUp "roll-up", Show, Screen, "roll up", 30, "Roll pools up: full, application, user, database, subnet, client";
    OnlyPool "only-pool", Show, Screen, "only this pool", 0, "Show only the connections of this pool";

    Open "open", Look, Everywhere, "detail", 55, "Open what is selected: detail, evidence, the pool's connections";
    Blocking "blocking", Look, Screen, "blockers", 45, "Who blocks whom, as a tree";
    Timeline "timeline", Look, Screen, "", 0, "What happened: restarts, failovers, lost targets, operations";
    Layers "layers", Look, Screen, "layers", 22, "Each application through its layers: own pool, pooler, server; where it is stuck";
    Clients "clients", Look, Screen, "clients", 21, "Clients of poolers and Redis servers, those that wait longest first";
    Statements "statements", Look, Screen, "statements", 18, "Which statements keep connections busy, where the server counts them";
    Size "size", Look, Screen, "sizes", 0, "How large pools should be: demand, budget, waiting times, settings";
    Mark "mark", Look, Screen, "mark", 42, "Mark the selected connection, or take the mark away";
    MarkSuspects "mark-suspects", Look, Screen, "mark its sessions", 41, "Go to the connections that the finding names, and mark them";
    MarkShown "mark-shown", Look, Screen, "", 0, "Mark every connection that the list shows";
    Unmark "unmark", Look, Screen, "", 0, "Take all marks away";
    Copy "copy", Look, Everywhere, "copy", 8, "Copy what is selected: row, finding, page (OSC 52); statements with their values";
    CopyQuery "copy-query", Look, Everywhere, "copy statement", 0, "Copy the whole statement of what is selected, with its values";

    Cancel "cancel", Operate, Screen, "cancel", 48, "Cancel the running statement of the selected or marked connections";
    Terminate "terminate", Operate, Screen, "terminate", 50, "Terminate the selected or marked connections";
    TerminateIdle "terminate-idle", Operate, Screen, "end idle tx", 46, "Terminate idle transactions older than an age that you set";
    Pause "pause", Operate, Screen, "pause", 7, "Pause a pooler's database: queries queue until it is resumed";
    Resume "resume", Operate, Screen, "resume", 47, "Resume a pooler's database";
    Reconnect "reconnect", Operate, Screen, "", 0, "Let a pooler replace its server connections as they are released";
    KillDatabase "kill-database", Operate, Screen, "", 0, "Cut off all clients of a pooler's database, which stays paused";
    KillClient "kill-client", Operate, Screen, "", 0, "Kill one client of a pooler or of a Redis server";
    Answer "answer", Operate, Question, "press the button", 58, "Press the focused button";
    Yes "yes", Operate, Question, "yes", 57, "Answer yes";
    No "no", Operate, Question, "no", 59, "Answer no";
    Older "older", Operate, Question, "older", 44, "Only older transactions";
    Younger "younger", Operate, Question, "younger", 43, "Younger transactions too";

    Freeze "freeze", Time, Screen, "freeze", 28, "Freeze the screen, or let it go on; in a replay: stop, or play";
    StepBack "step-back", Time, Screen, "back", 12, "One sample back";
    StepForward "step-forward", Time, Screen, "forward", 0, "One sample forward";
    PreviousMark "previous-mark", Time, Screen, "mark before", 0, "Back to the last finding, operation or event on the ruler";
    NextMark "next-mark", Time, Screen, "next mark", 0, "On to the next finding, operation or event on the ruler";
    Oldest "oldest", Time, Screen, "oldest", 0, "To the oldest sample of the past";
    Live "live", Time, Screen, "to the present", 0, "Back to the present; in a replay: to its end";
    GoTo "go-to", Time, Screen, "go to", 0, "Go to a time: 14:02, 14:02:30, -5m, 2026-11-21T14:02:00Z; also :goto TIME";
    KeepMoment "keep-moment", Time, Screen, "", 0, "Keep this moment to compare with; again: forget it";
    Compare "compare", Time, Screen, "compare", 0, "What changed since the kept moment; without one: in the last five minutes";
    Ruler "ruler", Time, Screen, "", 0, "Show the ruler of the past in the present too, or hide it";
    Faster "faster", Time, Screen, "faster", 0, "Play a replay faster, up to sixteenfold";
    Slower "slower", Time, Screen, "slower", 0, "Play a replay slower, down to a quarter";
    Record "record", Time, Screen, "", 0, "Record into a file, the past minutes first; again: stop";

    Fleet "fleet", Program, Screen, "", 0, "Back to the list of the profiles that are watched together";
    Profiles "profiles", Program, Screen, "profiles", 20, "Switch to another profile";
    Export "export", Program, Screen, "export", 25, "Write a snapshot of what is seen now";
    Secret "secret", Program, Screen, "password", 70, "Type the password that a target asks for";
    Retry "retry", Program, Screen, "try now", 14, "Try to reach the targets that are not live, now";
    Palette "palette", Program, Screen, "commands", 15, "Find a command by name; also :q, :save NAME, :theme NAME, :goto TIME";
    Help "help", Program, Everywhere, "help", 65, "Every key and what it does";
    Redraw "redraw", Program, Everywhere, "", 0, "Draw the screen anew";
    Suspend "suspend", Program, Everywhere, "", 0, "Suspend the program (fg brings it back)";
    Close "close", Program, Everywhere, "close", 56, "Close the top layer, then clear the filter; never quits";
    Back "back", Program, Everywhere, "quit", 10, "Close the top layer, then quit";
    Quit "quit", Program, Everywhere, "", 0, "Quit at once";
}

impl Command {
    /// The command with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|command| command.row().word == word)
    }

    /// Whether it leads to something that changes a server.
    pub fn operates(self) -> bool {
        matches!(self, Self::Cancel | Self::Terminate | Self::TerminateIdle) || self.on_poolers().is_some()
    }

    /// Whether it leads through the past; such commands work in layers that show a moment, too.
    pub fn travels(self) -> bool {
        matches!(self.row().topic, Topic::Time)
            && !matches!(self, Self::GoTo | Self::KeepMoment | Self::Compare)
    }

    /// The operation on poolers, or on clients of poolers and Redis servers, to which it leads.
    pub fn on_poolers(self) -> Option<OperationKind> {
        match self {
            Self::Pause => Some(OperationKind::Pause),
            Self::Resume => Some(OperationKind::Resume),
            Self::Reconnect => Some(OperationKind::Reconnect),
            Self::KillDatabase => Some(OperationKind::KillDatabase),
            Self::KillClient => Some(OperationKind::KillClient),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_lead_back_to_their_command() {
        for command in Command::ALL {
            assert_eq!(Command::parse(command.row().word), Some(*command));
            assert!(!command.row().description.is_empty());
        }
    }
}
