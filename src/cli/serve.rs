//! `pooltop serve`: running profiles over HTTP.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::args::ServeArgs;
use super::dashboard::Signals;
use super::exit::{Exit, Failure};
use super::output::note;
use super::profile::{Running, Surroundings};
use super::start;
use crate::analysis::Moment;
use crate::control::audit::Audit;
use crate::model::audit::AuditRecord;
use crate::model::clock::Clock;
use crate::model::secret::SecretString;
use crate::monitor::Monitor;
use crate::serve::{Options, Profile, Server, TlsFiles};
use crate::text::span::count;

/// Operations that a snapshot lists at most.
const OPERATIONS: usize = 200;

/// Serves until a signal.
pub async fn run(args: &ServeArgs) -> anyhow::Result<Exit> {
    let around = Surroundings::read(args.target.config.as_deref())?;
    let fleet = fleet(args, &around)?;
    let clock = Clock::real();
    let options = Options {
        listen: args.listen.clone(),
        token: token(args.token_file.as_deref(), &around)?,
        tls: args
            .tls_cert
            .clone()
            .zip(args.tls_key.clone())
            .map(|(certificate, key)| TlsFiles { certificate, key }),
        clock: clock.clone(),
    };
    let audit = start::audit(&around);
    let mut monitors = Monitors::start(&fleet, &audit, &clock);
    let mut signals = Signals::listen()?;
    let server = Server::bind(options, monitors.served(&fleet, &audit))
        .await
        .map_err(|error| Failure::usage(error.to_string()))?;
    announce(&server, fleet.len());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    let exit = tokio::select! {
        number = signals.next() => Exit::Signal(number),
        why = monitors.failed() => {
            note(&format!("pooltop: {why}"));
            Exit::Panic
        }
    };
    let _ = stop.send(());
    let ended = serving.await;
    Ok(if ended.is_err() { Exit::Panic } else { exit })
}

/// Every profile that was named, for reading only.
fn fleet(args: &ServeArgs, around: &Surroundings) -> anyhow::Result<Vec<Running>> {
    let mut fleet = Running::resolve_all(&args.target, around)?;
    for running in &mut fleet {
        // Nothing here carries anything out, so nothing that could is even made.
        running.adjust(args.interval, true)?;
        running.notices.iter().for_each(|notice| note(notice));
    }
    Ok(fleet)
}

/// From the file, else from the environment; never from an argument, which others on the machine can read.
fn token(file: Option<&Path>, around: &Surroundings) -> anyhow::Result<Option<SecretString>> {
    let Some(file) = file else {
        return Ok(around.environment.get("POOLTOP_TOKEN").map(|token| token.to_owned().into()));
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("cannot read the token in {}: {error}", file.display())))?;
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned().into()))
}

fn announce(server: &Server, profiles: usize) {
    let profiles = count(profiles as u64, "profile");
    note(&format!("pooltop: {profiles} at {url} and {url}metrics", url = server.url()));
    if server.is_exposed() {
        note("pooltop: without --tls-cert the token and all that is served can be read on the way");
    }
}

/// The newest moment of one profile.
pub(super) type Moments = watch::Receiver<Option<Arc<Moment>>>;

/// One monitor for each profile.
pub(super) struct Monitors(Vec<Monitor>);

impl Monitors {
    pub(super) fn start(fleet: &[Running], audit: &Audit, clock: &Clock) -> Self {
        let start = |running: &Running| Monitor::start(start::plan(running, audit, clock), None);
        Self(fleet.iter().map(start).collect())
    }

    /// The newest moment of each.
    pub(super) fn moments(&self) -> Vec<Moments> {
        self.0.iter().map(Monitor::moments).collect()
    }

    fn served(&self, fleet: &[Running], audit: &Audit) -> Vec<Profile> {
        let profile = |(running, monitor): (&Running, &Monitor)| {
            let (ours, audit) = (running.name.clone(), audit.clone());
            Profile {
                name: ours.as_str().into(),
                moments: monitor.moments(),
                interval_s: running.interval.as_secs_f64(),
                operations: Arc::new(move |since| {
                    let mine = |record: &AuditRecord| record.profile == ours && record.at >= since;
                    // A log that cannot be read costs the list of operations, not the answer.
                    audit.last(OPERATIONS, mine).unwrap_or_default()
                }),
            }
        };
        fleet.iter().zip(&self.0).map(profile).collect()
    }

    /// Resolves when a task of one of them panicked, with what it said.
    pub(super) async fn failed(&mut self) -> String {
        let all = self.0.iter_mut().map(|monitor| Box::pin(monitor.failed()));
        futures_util::future::select_all(all).await.0
    }
}
