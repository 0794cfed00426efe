//! What a key and a frame cost with 10,000 backends, and with a fleet of 200 profiles. Aims: a full frame at 200x60 under
//! 2 ms; sorting and filtering under 5 ms; an update of the fleet, which comes ten times a second at most, under 5 ms.

#![expect(clippy::expect_used, reason = "a benchmark stops at the first thing that is not as expected")]
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use pooltop::analysis::fixture;
use pooltop::control::confirm::{Access, Policy};
use pooltop::model::clock::Clock;
use pooltop::ui::state::app::{App, Event};
use pooltop::ui::state::connections::Connections;
use pooltop::ui::{Feed, FleetMember, Input, Options, ProfileHeader};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

fn profile() -> ProfileHeader {
    ProfileHeader {
        name: "bench".into(),
        label: None,
        production: false,
        feed: Feed::Live,
        time_scale: 1.0,
        policy: Policy {
            access: Access::Confirm,
            profile: "bench".into(),
            bulk_limit: 20,
            protected_roles: Vec::new(),
        },
    }
}

fn screen(moment: &Arc<pooltop::analysis::Moment>) -> App {
    let mut app =
        App::new(Options::new(profile(), Clock::manual(moment.at)).expect("built-in theme and keys"));
    app.update(Event::Resize(200, 60));
    app.update(Event::Input(Input::Moment(Arc::clone(moment))));
    app
}

/// Two hundred profiles, each with a server of fifty backends.
fn fleet(criterion: &mut Criterion) {
    let moment = Arc::new(fixture::many(50));
    let member = |number: usize| FleetMember {
        name: format!("shop-{number:03}").as_str().into(),
        label: None,
        production: number.is_multiple_of(7),
        moment: Some(Arc::clone(&moment)),
    };
    let members: Vec<FleetMember> = (0..200).map(member).collect();
    let options = Options::new(profile(), Clock::manual(moment.at)).expect("built-in theme and keys");
    let mut app = App::new(Options { fleet: true, ..options });
    app.update(Event::Resize(200, 60));
    criterion.bench_function("one update of 200 profiles", |bencher| {
        bencher.iter(|| app.update(Event::Input(Input::Fleet(members.clone()))));
    });
    let mut terminal = Terminal::new(TestBackend::new(200, 60)).expect("a buffer");
    criterion.bench_function("frame 200x60, 200 profiles", |bencher| {
        bencher.iter(|| terminal.draw(|frame| app.draw(frame)).map(|_| ()).expect("a buffer"));
    });
    criterion.bench_function("one key, 200 profiles", |bencher| {
        let down = KeyEvent::new(KeyCode::Down, KeyModifiers::NONE);
        bencher.iter(|| app.update(Event::Key(down)));
    });
}

fn benches(criterion: &mut Criterion) {
    let moment = Arc::new(fixture::many(10_000));
    let mut app = screen(&moment);
    let mut terminal = Terminal::new(TestBackend::new(200, 60)).expect("a buffer");
    criterion.bench_function("frame 200x60, 10,000 backends", |bencher| {
        bencher.iter(|| terminal.draw(|frame| app.draw(frame)).map(|_| ()).expect("a buffer"));
    });
    criterion.bench_function("sort and filter 10,000 backends", |bencher| {
        let mut list = Connections::default();
        list.type_filter("select !zzz tx>1s");
        bencher.iter(|| {
            list.refresh(black_box(&moment));
            list.rows.len()
        });
    });
    criterion.bench_function("one key, 10,000 backends", |bencher| {
        let down = KeyEvent::new(KeyCode::Down, KeyModifiers::NONE);
        bencher.iter(|| app.update(Event::Key(down)));
    });
    criterion.bench_function("one sample, 10,000 backends", |bencher| {
        bencher.iter(|| app.update(Event::Input(Input::Moment(Arc::clone(&moment)))));
    });
}

criterion_group!(screen_benches, benches, fleet);
criterion_main!(screen_benches);
