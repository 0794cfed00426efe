//! The command line, one file per subcommand.

pub mod args;
pub mod backfill;
pub mod check;
pub mod dashboard;
pub mod demo;
pub mod doctor;
pub mod exit;
pub mod file;
pub mod hook;
pub mod look;
pub mod operate;
pub mod output;
pub mod profile;
pub mod profiles;
pub mod record;
mod replay;
pub mod serve;
pub mod size;
pub mod start;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use args::{Cli, Command};
use exit::{Exit, exit_of};
use output::{data, note};
use profile::Surroundings;

use crate::model::operation::OperationKind;

/// Parses the command line of the process, does what it says, and gives the code to end with.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data, usage errors are not; clap knows which, and a closed pipe is no error.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            note(&format!("pooltop: cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let exit = runtime.block_on(dispatch(&cli)).unwrap_or_else(|error| {
        note(&format!("pooltop: {error:#}"));
        exit_of(&error)
    });
    // Tasks that wait for a server that never answers must not keep the shell waiting.
    runtime.shutdown_background();
    exit.into()
}

/// Two threads carry everything: what there is to do takes milliseconds a second, and a thread per core of a large server
/// would bring as many of the allocator's arenas with it.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

async fn dispatch(cli: &Cli) -> anyhow::Result<Exit> {
    match &cli.command {
        None => dashboard::run(&cli.dashboard).await,
        Some(Command::Snapshot(args)) => file::run(args).await,
        Some(Command::Replay(args)) => replay::run(args).await,
        Some(Command::Diff(args)) => replay::diff(args).await,
        Some(Command::Serve(args)) => serve::run(args).await,
        Some(Command::Check(args)) => check::run(args).await,
        Some(Command::Record(args)) => record::run(args).await,
        Some(Command::Terminate(args)) => operate::run(OperationKind::Terminate, args).await,
        Some(Command::Cancel(args)) => operate::run(OperationKind::Cancel, args).await,
        Some(Command::Profiles(command)) => profiles::run(command).await,
        Some(Command::Config(command)) => profiles::configuration(command),
        Some(Command::Themes) => look::list(&Surroundings::read(None)?),
        Some(Command::Completions { shell }) => completions(*shell),
        Some(Command::Man) => manual(),
        Some(Command::Demo(args)) => demo::run(args).await,
        Some(Command::Size(args)) => size::run(args).await,
        Some(Command::Doctor(args)) => doctor::run(args).await,
    }
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pooltop", &mut script);
    data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

fn manual() -> anyhow::Result<Exit> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    data(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Done)
}
