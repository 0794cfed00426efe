//! Draws the picture in the README from the recorded incident, with the program's own analysis and screen.
//!
//! `cargo run --example picture -- assets/screen.svg [SECONDS]`: what the dashboard shows so many seconds in.

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use pooltop::analysis::{Analyser, Moment, Settings};
use pooltop::collect::Recording;
use pooltop::control::confirm::{Access, Policy};
use pooltop::demo::{self, Demo};
use pooltop::history::History;
use pooltop::model::clock::Clock;
use pooltop::model::sample::Sample;
use pooltop::model::target::{Role, TargetKind, TargetState, TargetStatus};
use pooltop::ui::state::app::{App, Event};
use pooltop::ui::svg::{Ground, svg};
use pooltop::ui::{Feed, Input, Options, ProfileHeader};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const SIZE: Rect = Rect { x: 0, y: 0, width: 132, height: 40 };

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: picture FILE [SECONDS]")?;
    let seconds: u64 = arguments.next().unwrap_or_else(|| "31".into()).parse()?;
    let moments = moments(Duration::from_secs(seconds))?;
    let clock = Clock::manual(moments.last().ok_or("the recording is shorter than that")?.at);
    let mut app = App::new(Options::new(profile(), clock.clone())?);
    app.update(Event::Resize(SIZE.width, SIZE.height));
    for moment in moments {
        app.update(Event::Input(Input::Moment(Arc::new(moment))));
    }
    let mut buffer = Buffer::empty(SIZE);
    app.draw_into(clock.now(), SIZE, &mut buffer);
    fs::write(path, svg(&buffer, Ground::DARK))?;
    Ok(())
}

fn profile() -> ProfileHeader {
    ProfileHeader {
        name: "shop".into(),
        label: None,
        production: false,
        feed: Feed::Demo,
        time_scale: demo::TIME_SCALE,
        policy: Policy {
            access: Access::Confirm,
            profile: "shop".into(),
            bulk_limit: 20,
            protected_roles: Vec::new(),
        },
    }
}

/// The recording up to `until`, one moment per sample.
fn moments(until: Duration) -> Result<Vec<Moment>, Box<dyn Error>> {
    let recording = Recording::read(demo::recorded())?;
    let settings = Settings {
        thresholds: Demo::thresholds(),
        pools: Demo::declared_pools(),
        interval: Duration::from_secs_f64(recording.header.interval_s),
        ..Settings::default()
    };
    let (mut history, mut analyser) = (History::default(), Analyser::new(settings));
    let end = recording.samples.first().ok_or("the recording is empty")?.received_at.plus(until);
    let mut statuses: Vec<TargetStatus> = Vec::new();
    let mut moments = Vec::new();
    for sample in recording.samples.into_iter().take_while(|sample| sample.received_at <= end) {
        let status = status(&sample);
        statuses.retain(|known| known.name != status.name);
        statuses.push(status);
        statuses.sort_by_key(|status| status.kind != TargetKind::Postgres);
        let now = sample.received_at;
        history.push(sample);
        moments.push(analyser.observe(&history, &statuses, &[], now));
    }
    Ok(moments)
}

/// A live target, as the collector that recorded the sample saw it.
fn status(sample: &Sample) -> TargetStatus {
    let facts = sample.postgres().and_then(|server| server.facts.known());
    TargetStatus {
        name: Arc::clone(&sample.target),
        kind: if sample.postgres().is_some() { TargetKind::Postgres } else { TargetKind::Pgbouncer },
        endpoint: "127.0.0.1:5432/shop".into(),
        state: TargetState::Live,
        age: Some(Duration::ZERO),
        error: None,
        retry_in: None,
        needs_secret: false,
        version: facts.map(|facts| facts.version.clone()),
        role: sample.postgres().map(|_| Role::Primary),
        privilege: facts.map(|facts| facts.own_role.privilege),
        wire: sample.postgres().map(|server| server.wire),
        round_trip: None,
        replay_lag_s: None,
        overhead: sample.overhead,
        dropped: 0,
        missing: Vec::new(),
        at: sample.received_at,
    }
}
