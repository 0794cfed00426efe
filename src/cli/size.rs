//! `pooltop size`: the sizing calculator, by flags, by questions, and with the numbers of a connected server.

pub mod ask;
pub mod flags;
pub mod known;
mod render;

use std::io::{self, IsTerminal as _};

use super::args::{SizeArgs, SizeFormat, TargetArgs};
use super::exit::{Exit, Failure};
use super::output::{data, note};
use super::profile::{Running, Surroundings};
use super::{file, start};
use crate::analysis::sizing::draft::Draft;
use crate::analysis::sizing::live::{self, Live};
use crate::analysis::sizing::preset::Preset;
use crate::analysis::sizing::{SizingError, size, variables};
use crate::connect::env_file;

/// `pooltop size`
pub async fn run(args: &SizeArgs) -> anyhow::Result<Exit> {
    // What makes no sense is refused before anything is connected or asked.
    let mut draft = given(args)?;
    let live = match &args.targets[..] {
        [] => None,
        _ => Some(connect(args, &mut draft).await?),
    };
    if asks(args) {
        ask::ask(&mut draft, &mut io::stdin().lock(), &mut io::stderr().lock())?;
    }
    let sizing = size(&draft, live).map_err(usage)?;
    data(&match args.format {
        SizeFormat::Text => render::text(&draft, &sizing),
        SizeFormat::Json => render::json(&draft, &sizing)?,
    })?;
    Ok(Exit::Done)
}

fn given(args: &SizeArgs) -> anyhow::Result<Draft> {
    let mut draft = Draft::default();
    if let Some(word) = &args.preset {
        Preset::find(word).map_err(usage)?.apply(&mut draft);
    }
    if let Some(path) = &args.env_file {
        let found = env_file::variables(path, variables::is_known)?;
        variables::read(&mut draft, &found).map_err(usage)?;
        if draft.variables.is_empty() {
            note(&format!("{} has none of the variables that are read; see --help", path.display()));
        }
    }
    args.fields.read(&mut draft).map_err(usage)?;
    Ok(draft)
}

#[expect(clippy::needless_pass_by_value, reason = "it is a link in a chain of maps")]
fn usage(error: SizingError) -> Failure {
    Failure::usage(error.to_string())
}

/// Whether the numbers are asked for: there is somebody to answer, and nothing was given.
fn asks(args: &SizeArgs) -> bool {
    let nothing = args.fields.is_empty() && args.preset.is_none() && args.env_file.is_none();
    nothing && args.format == SizeFormat::Text && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Reads the limits and the use of the server, over the path that every command samples by.
async fn connect(args: &SizeArgs, draft: &mut Draft) -> anyhow::Result<Live> {
    let around = Surroundings::read(args.config.as_deref())?;
    let target = TargetArgs { targets: args.targets.clone(), ..TargetArgs::default() };
    let mut running = Running::resolve(&target, &around)?;
    running.adjust(None, true)?;
    if running.targets.iter().all(|target| target.console) {
        let text = "max_connections is a PostgreSQL server's: name one, a pooler's console does not tell it";
        return Err(Failure::usage(text).into());
    }
    for notice in &running.notices {
        note(notice);
    }
    let (moment, _) = file::watch(args.window, &running, &start::audit(&around)).await?;
    if let Some(name) = live::target(&moment)
        && let Some((_, said)) = known::drafts(&running, &around).iter().find(|(known, _)| known == name)
    {
        draft.fill(said);
    }
    let live = live::fill(draft, &moment, args.pool.as_deref()).map_err(usage)?;
    for target in moment.targets.iter().filter(|target| target.error.is_some()) {
        note(&start::failure_lines(target));
    }
    live.ok_or_else(|| {
        Failure::unreachable(
            "no PostgreSQL server told its limits; leave TARGET out and give --max-connections",
        )
        .into()
    })
}
