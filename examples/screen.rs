//! The screen on made-up servers, for looking at it: `cargo run --example screen -- SCENE [THEME] [ascii|production|read-only]…`.
//!
//! Scenes: empty, connecting, few, leak, hostile, unprivileged, stale, refused, or a number of backends.

use std::sync::Arc;
use std::time::Duration;

use pooltop::analysis::{Moment, fixture};
use pooltop::control::confirm::{Access, Policy};
use pooltop::model::clock::Clock;
use pooltop::model::operation::{BlastRadius, OperationReport, Outcome, VictimOutcome};
use pooltop::ui::theme::{Depth, Themes};
use pooltop::ui::{Effect, Feed, Input, Options, ProfileEntry, ProfileHeader, Tone};
use tokio::sync::mpsc;

fn scene(name: &str) -> Moment {
    match name {
        "empty" => fixture::empty(),
        "connecting" => fixture::connecting(),
        "few" => fixture::few(),
        "hostile" => fixture::hostile(),
        "unprivileged" => fixture::without_privileges(),
        "stale" => fixture::stale(),
        "refused" => fixture::refused(),
        name => name.parse().map_or_else(|_| fixture::checkout_leak(), fixture::many),
    }
}

fn options(words: &[String], clock: Clock) -> Result<Options, Box<dyn std::error::Error>> {
    let has = |word: &str| words.iter().any(|given| given == word);
    let production = has("production");
    let access = if has("read-only") {
        Access::ReadOnly
    } else if production {
        Access::ConfirmName
    } else {
        Access::Confirm
    };
    let profile = ProfileHeader {
        name: "checkout".into(),
        label: production.then(|| "PRODUCTION".into()),
        production,
        feed: if has("demo") { Feed::Demo } else { Feed::Live },
        time_scale: if has("demo") { 0.1 } else { 1.0 },
        policy: Policy { access, profile: "checkout".into(), bulk_limit: 20, protected_roles: Vec::new() },
    };
    let environment = |name| std::env::var(name).ok();
    let no_color = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    let depth = Depth::detect(environment("TERM").as_deref(), environment("COLORTERM").as_deref(), no_color);
    let themes = Themes::built_in();
    let theme = words.iter().find(|word| themes.names().any(|name| name == *word));
    let theme = themes.load(theme.map_or("dark", String::as_str), depth)?;
    Ok(Options { theme, ascii: has("ascii"), ..Options::new(profile, clock)? })
}

/// Answers what the screen asks for, the way a program around it would.
async fn answer(mut effects: mpsc::Receiver<Effect>, inputs: mpsc::Sender<Input>) {
    while let Some(effect) = effects.recv().await {
        let input = match effect {
            Effect::Inspect(operation) => Input::Radius {
                target: operation.target.clone(),
                result: Ok(operation
                    .victims()
                    .iter()
                    .map(|victim| BlastRadius {
                        pid: victim.id().pid,
                        locks: Some(3),
                        relations: vec!["public.orders (RowExclusiveLock)".into()],
                        may_have_written: victim.seen.has_xid,
                        ..BlastRadius::default()
                    })
                    .collect()),
            },
            Effect::Execute(confirmed) => {
                let operation = confirmed.into_inner();
                let outcomes = operation.ids().into_iter().map(|id| VictimOutcome {
                    id,
                    outcome: Outcome::Ended,
                    message: "ended after 104 ms".into(),
                });
                Input::Report(OperationReport {
                    kind: operation.kind,
                    target: operation.target.clone(),
                    outcomes: outcomes.collect(),
                    settled: true,
                })
            }
            Effect::Export { format, .. } => {
                Input::Exported(format!("snapshot.{}", format.word()).as_str().into())
            }
            effect => Input::Toast(
                Tone::Info,
                format!("{effect:?}").chars().take(60).collect::<String>().as_str().into(),
            ),
        };
        if inputs.send(input).await.is_err() {
            return;
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let name = words.first().map_or("leak", String::as_str);
    let mut moment = scene(name);
    let at = moment.at;
    moment.targets.iter_mut().for_each(|target| target.at = at);
    let moment = Arc::new(moment);
    let clock = Clock::manual(moment.at);
    let (inputs, for_screen) = mpsc::channel(16);
    let (effects, from_screen) = mpsc::channel(16);
    let profiles = ["checkout", "staging"].map(|name| ProfileEntry {
        name: name.into(),
        label: None,
        summary: "db1:5432/shop".into(),
        current: name == "checkout",
    });
    inputs.send(Input::Profiles(profiles.into())).await?;
    inputs.send(Input::Moment(Arc::clone(&moment))).await?;
    let ticking = clock.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            ticking.advance(Duration::from_secs(1));
        }
    });
    tokio::spawn(answer(from_screen, inputs));
    pooltop::ui::run(options(&words, clock)?, for_screen, effects).await?;
    Ok(())
}
