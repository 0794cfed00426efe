//! Draws the picture in the README from the recorded incident, with the program's own analysis and screen.
//!
//! `cargo run --example picture -- assets/screen.svg [SECONDS]`: what the dashboard shows so many seconds in.

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use pooltop::analysis::Moment;
use pooltop::control::confirm::{Access, Policy};
use pooltop::demo;
use pooltop::model::clock::Clock;
use pooltop::model::track::Travel;
use pooltop::monitor::Replay;
use pooltop::record::Reader;
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
        app.update(Event::Input(Input::Moment(moment)));
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

/// The recording up to `until`, moment by moment.
fn moments(until: Duration) -> Result<Vec<Arc<Moment>>, Box<dyn Error>> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), demo::recorded())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let replay = Replay::start(Reader::open(file.path()).await?, None, false)
            .await
            .map_err(|why| why.to_string())?;
        let end = replay.track().borrow().oldest.plus(until);
        let mut moments: Vec<Arc<Moment>> = Vec::new();
        loop {
            let moment = replay.travel(Travel::Step(1)).await.map_err(|why| why.to_string())?;
            if moment.at > end || moments.last().is_some_and(|last| last.at == moment.at) {
                return Ok(moments);
            }
            moments.push(moment);
        }
    })
}
