//! What can be typed after `pooltop`: the one place from which help, man page and completions come.

#![expect(clippy::doc_markdown, reason = "these comments are the help text; back-ticks would be printed")]

mod recording;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use recording::{DiffArgs, DiffFormat, RecordArgs, ReplayArgs};

use super::size::flags::FieldArgs;
use crate::analysis::sizing::preset::Preset;
use crate::text::redact::Redaction;
use crate::text::span::parse_or_seconds;

/// The command line of pooltop.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "pooltop",
    version,
    about = "The terminal dashboard for the moment a database's connections run out",
    long_about = "Shows live who holds the connections of PostgreSQL, poolers, applications and Redis, who waits, and which \
                  pool leaks; ends what is stuck safely; writes what was seen into a file.\n\nTARGET is a profile name, a URL \
                  (postgres://, pgbouncer://, pgpool://, redis://, rediss://, http://, https://) or a libpq keyword string \
                  such as 'host=db1 dbname=shop'. Without one: the default profile, else libpq's environment (PGHOST, \
                  PGSERVICE, …). Several profile names are watched together, one line each.",
    after_help = "Exit codes: 0 done · 1 not every operation ended as asked, or a warning (check) · 2 usage, or critical (check) · 3 no \
                  target answered · 128+n signal",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct Cli {
    /// What to do; without one, the dashboard.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of the dashboard.
    #[command(flatten)]
    pub dashboard: DashboardArgs,
}

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// The dashboard on a throwaway PostgreSQL with an application that leaks
    Demo(DemoArgs),
    /// Sample, analyse, write a document
    Snapshot(SnapshotArgs),
    /// Record everything into a file, which others can replay
    Record(RecordArgs),
    /// The dashboard on a recording: play, pause, step, seek
    Replay(ReplayArgs),
    /// Tell what changed between two times of a recording
    Diff(DiffArgs),
    /// Serve metrics, snapshots and a read-only page over HTTP
    Serve(ServeArgs),
    /// Print one line and exit with 0 ok, 1 warning, 2 critical or 3 unknown
    Check(CheckArgs),
    /// End sessions (dry run without --yes)
    Terminate(OperationArgs),
    /// Cancel running statements (dry run without --yes)
    Cancel(OperationArgs),
    /// Work out pool sizes: demand, budget, waiting times, ready settings
    Size(SizeArgs),
    /// Tell what can be reached and seen, and the statement that fixes what is missing
    Doctor(DoctorArgs),
    /// List, show, add, remove or test saved profiles
    #[command(subcommand)]
    Profiles(ProfilesCommand),
    /// Show where the configuration is, check it, or print a commented example
    #[command(subcommand)]
    Config(ConfigCommand),
    /// List the themes
    Themes,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// Which targets, and how to reach them.
#[derive(Clone, Debug, Default, Args)]
pub struct TargetArgs {
    /// Profile name, URL or libpq keyword string; several URLs form one ad-hoc profile
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Take DATABASE_URL and DATABASE_POOL_URL from this file
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "POOLTOP_CONFIG")]
    pub config: Option<PathBuf>,
}

/// Options of the dashboard.
#[derive(Clone, Debug, Default, Args)]
pub struct DashboardArgs {
    /// Which targets
    #[command(flatten)]
    pub target: TargetArgs,
    /// Open no connection for operations and offer none
    #[arg(long)]
    pub read_only: bool,
    /// Time between samples
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub interval: Option<Duration>,
    /// Record into this file from the start; statements are redacted
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// How it looks
    #[command(flatten)]
    pub look: LookArgs,
}

/// How the screen looks.
#[derive(Clone, Debug, Default, Args)]
pub struct LookArgs {
    /// Name of a theme (see `pooltop themes`)
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
    /// No colours; NO_COLOR in the environment does the same
    #[arg(long)]
    pub no_color: bool,
}

/// Options of `pooltop demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Insist on a live server; fail where PostgreSQL is not installed
    #[arg(long, conflicts_with = "recorded")]
    pub live: bool,
    /// Play the recorded incident even where PostgreSQL is installed
    #[arg(long)]
    pub recorded: bool,
    /// How it looks
    #[command(flatten)]
    pub look: LookArgs,
}

/// Formats of `pooltop snapshot`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The document of schema `pooltop.snapshot/1`
    #[default]
    Json,
    /// One table, backends unless --table names another
    Csv,
    /// A report with curves, as one page that loads nothing
    Html,
    /// A note for a ticket or a chat
    Markdown,
    /// Plain text
    Text,
}

/// How much of statements leaves the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Redact {
    /// Literals are replaced
    #[default]
    Literals,
    /// Whole statements are replaced
    Queries,
    /// Nothing is replaced
    None,
}

/// Options of `pooltop snapshot`.
#[derive(Clone, Debug, Args)]
pub struct SnapshotArgs {
    /// Which targets
    #[command(flatten)]
    pub target: TargetArgs,
    /// Of a recording instead of a target
    #[arg(long, value_name = "FILE", conflicts_with_all = ["targets", "env_file", "window", "interval"])]
    pub recording: Option<PathBuf>,
    /// Of a recording: 14:02, 14:02:30, -5m (before the end), 2026-11-21T14:02:00Z; the end without it
    #[arg(long, value_name = "TIME", requires = "recording", allow_hyphen_values = true)]
    pub at: Option<String>,
    /// How long to sample before writing
    #[arg(long = "for", value_name = "SPAN", value_parser = span, default_value = "3s")]
    pub window: Duration,
    /// Time between samples
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub interval: Option<Duration>,
    /// What to write
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Which table of the document a CSV holds
    #[arg(long, value_name = "NAME", default_value = "backends")]
    pub table: String,
    /// Where to; standard output without it
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// What to replace in statements
    #[arg(long, value_enum, default_value_t)]
    pub redact: Redact,
}

/// Options of `pooltop serve`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "GET /metrics (OpenMetrics or Prometheus text), /api/v1/snapshot, /healthz and / (a page that refreshes itself); \
                  with several profiles the last two take ?profile=NAME. On any address but loopback a token is required: \
                  in a file, or in POOLTOP_TOKEN. A browser asks for it as a password, with any user name."
)]
pub struct ServeArgs {
    /// Which targets; several profile names serve each
    #[command(flatten)]
    pub target: TargetArgs,
    /// Where to listen
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9899")]
    pub listen: String,
    /// Time between samples
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub interval: Option<Duration>,
    /// A file with the token that clients have to send; POOLTOP_TOKEN without it
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Serve with TLS: the certificate, then those that lead to its authority, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

/// Options of `pooltop check`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "The line ends in performance data as Nagios and its relatives read it. Of several profiles the worst counts, \
                  and each has a line after the first."
)]
pub struct CheckArgs {
    /// Which targets; several profile names are checked together
    #[command(flatten)]
    pub target: TargetArgs,
    /// How long to watch before the first line
    #[arg(long = "for", value_name = "SPAN", value_parser = span, default_value = "3s")]
    pub window: Duration,
    /// Go on and print a line every so often; a signal ends it with the code of the last line
    #[arg(long, value_name = "SPAN", value_parser = pause)]
    pub every: Option<Duration>,
    /// Time between samples
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub interval: Option<Duration>,
}

impl Redact {
    /// As the rest of the program calls it.
    pub fn level(self) -> Redaction {
        match self {
            Self::Literals => Redaction::Literals,
            Self::Queries => Redaction::Queries,
            Self::None => Redaction::None,
        }
    }
}

/// Options of `pooltop terminate` and `pooltop cancel`. Selectors are joined by AND.
#[derive(Clone, Debug, Args)]
pub struct OperationArgs {
    /// Which target
    #[command(flatten)]
    pub target: TargetArgs,
    /// Sessions by process id
    #[arg(long, value_name = "N", num_args = 1..)]
    pub pid: Vec<i32>,
    /// Sessions idle in transaction (aborted included) for at least this long
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub idle_in_transaction_for: Option<Duration>,
    /// Sessions of an application (glob)
    #[arg(long, value_name = "GLOB")]
    pub application: Option<String>,
    /// Sessions of a user (glob)
    #[arg(long, value_name = "GLOB")]
    pub user: Option<String>,
    /// Sessions on a database (glob)
    #[arg(long, value_name = "GLOB")]
    pub database: Option<String>,
    /// Sessions from a client address (glob)
    #[arg(long, value_name = "GLOB")]
    pub client: Option<String>,
    /// Take sessions that run a statement, too
    #[arg(long)]
    pub allow_active: bool,
    /// At most so many, the oldest first (default: the profile's bulk_limit)
    #[arg(long, value_name = "N")]
    pub limit: Option<NonZeroUsize>,
    /// Act; without it nothing is sent
    #[arg(long)]
    pub yes: bool,
    /// The profile's name, where the profile asks for it
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}

/// How `pooltop size` answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SizeFormat {
    /// For people
    #[default]
    Text,
    /// The document of schema `pooltop.size/1`
    Json,
}

/// Options of `pooltop size`. Its numbers come from the table of fields.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "On a terminal, without any number, preset, --env-file or --format json, it asks. With TARGET the limits \
                        and the use of that server are read; --pool then says which of its pools is sized."
)]
pub struct SizeArgs {
    /// A profile, URL or keyword string: its PostgreSQL server's limits and use are read; without one nothing is connected
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Read DB_POOL_*, DB_MAX_OVERFLOW, DATABASE_POOL_*, POOL_SIZE, POOL_TIMEOUT, POOL_MODE, REDIS_POOL_SIZE and
    /// REDIS_MAX_CONNECTIONS from this file
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    /// Begin with the sizes that guides give, corrected
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(Preset::words()))]
    pub preset: Option<String>,
    /// The pool of TARGET that is sized (glob); everybody else there counts as reserved
    #[arg(long, value_name = "GLOB", requires = "targets")]
    pub pool: Option<String>,
    /// How long to watch TARGET
    #[arg(long = "for", value_name = "SPAN", value_parser = span, default_value = "3s")]
    pub window: Duration,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    pub format: SizeFormat,
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "POOLTOP_CONFIG")]
    pub config: Option<PathBuf>,
    /// The numbers
    #[command(flatten)]
    pub fields: FieldArgs,
}

/// Options of `pooltop doctor`.
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs {
    /// Which targets
    #[command(flatten)]
    pub target: TargetArgs,
    /// Ask no target, but say what this error message means and which findings explain it
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["targets", "env_file"])]
    pub explain: Option<String>,
}

/// What can be done with saved profiles.
#[derive(Clone, Debug, Subcommand)]
pub enum ProfilesCommand {
    /// Names, labels and targets of all profiles
    List(ConfigFile),
    /// One profile as it is understood, without secrets
    Show {
        /// Its name
        name: String,
        /// The file
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Save a profile; passwords are never written
    Add {
        /// Its name
        name: String,
        /// A postgres://, pgbouncer:// or redis:// URL without a password; several for several targets
        #[arg(required = true)]
        urls: Vec<String>,
        /// A label for the header, such as PRODUCTION
        #[arg(long)]
        label: Option<String>,
        /// Operations ask for the profile's name
        #[arg(long)]
        production: bool,
        /// No operations at all
        #[arg(long)]
        read_only: bool,
        /// The file
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Remove a profile; everything else in the file stays as it is
    Remove {
        /// Its name
        name: String,
        /// The file
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Connect to every target of a profile once and say how it went
    Test {
        /// Its name
        name: String,
        /// The file
        #[command(flatten)]
        file: ConfigFile,
    },
}

/// What can be done with the configuration file.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Where it is looked for
    Path(ConfigFile),
    /// Read it and report every mistake
    Check(ConfigFile),
    /// Print a commented example
    Example,
    /// Print alert rules for Prometheus on the metrics of `pooltop serve`
    Rules {
        /// The profile by whose thresholds they go; the defaults without one
        profile: Option<String>,
        /// The file
        #[command(flatten)]
        file: ConfigFile,
    },
}

/// Which configuration file.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigFile {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "POOLTOP_CONFIG")]
    pub config: Option<PathBuf>,
}

/// A span of time such as `500ms`, `10s`, `5m`, `1h30m`; a bare number is seconds.
fn span(text: &str) -> Result<Duration, String> {
    parse_or_seconds(text)
        .ok_or_else(|| format!("'{text}' is not a span of time; write 500ms, 10s, 5m or 1h30m"))
}

/// A span between two lines: long enough for the output to be read.
fn pause(text: &str) -> Result<Duration, String> {
    let shortest = Duration::from_secs(1);
    let span = span(text)?;
    if span < shortest { Err("a line every second at most".to_owned()) } else { Ok(span) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_target_and_a_subcommand_are_told_apart() {
        let plain = Cli::parse_from(["pooltop", "postgres://db1/shop", "--read-only"]);
        assert!(plain.command.is_none());
        assert_eq!(plain.dashboard.target.targets, ["postgres://db1/shop"]);
        let snapshot = Cli::parse_from(["pooltop", "snapshot", "checkout", "--for", "1m30s"]);
        let Some(Command::Snapshot(args)) = snapshot.command else { panic!("{snapshot:?}") };
        assert_eq!(args.window, Duration::from_secs(90));
    }

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, expected) in [
            ("2", Some(2000)),
            ("500ms", Some(500)),
            ("1h30m", Some(5_400_000)),
            ("-5m", None),
            ("soon", None),
        ] {
            assert_eq!(span(text).ok().map(|span| span.as_millis()), expected, "{text}");
        }
    }
}
