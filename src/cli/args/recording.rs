//! What can be typed after `pooltop record`, `replay` and `diff`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{ConfigFile, LookArgs, Redact, TargetArgs, span};
use crate::text::size::parse as parse_size;

/// Options of `pooltop replay`. TIME is understood as in `pooltop diff`.
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// The recording
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Begin at this time: 14:02, 14:02:30, -5m (before the end), 2026-11-21T14:02:00Z
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub at: Option<String>,
    /// Stand still until told to play
    #[arg(long)]
    pub paused: bool,
    /// Which configuration file
    #[command(flatten)]
    pub configuration: ConfigFile,
    /// How it looks
    #[command(flatten)]
    pub look: LookArgs,
}

/// How `pooltop diff` answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For people
    #[default]
    Text,
    /// The document of schema `pooltop.comparison/1`
    Json,
}

/// Options of `pooltop diff`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "TIME is 14:02 or 14:02:30 (the last one in the recording), -5m (before the end) or 2026-11-21T14:02:00Z."
)]
pub struct DiffArgs {
    /// The recording
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Compare this time; the beginning without it
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// With this one; the end without it
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<String>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    pub format: DiffFormat,
}

/// Options of `pooltop record`.
#[derive(Clone, Debug, Args)]
pub struct RecordArgs {
    /// Which targets
    #[command(flatten)]
    pub target: TargetArgs,
    /// Where to; a recording of the same profile is gone on with. Without it: recordings/ in the state directory
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How long to record; without it until a signal
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    pub window: Option<Duration>,
    /// Let go of what is older
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub keep: Option<Duration>,
    /// Let go of the oldest where the file would become larger
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub max_size: Option<u64>,
    /// Time between samples
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub interval: Option<Duration>,
    /// What to replace in statements
    #[arg(long, value_enum, default_value_t)]
    pub redact: Redact,
}

/// A size such as `64MiB` or `2GB`; a bare number is bytes.
fn bytes(text: &str) -> Result<u64, String> {
    parse_size(text).ok_or_else(|| format!("'{text}' is not a size; write 64MiB, 512MB or 2GiB"))
}
