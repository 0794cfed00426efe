//! What a key and a frame cost with 10,000 backends. Aims: a full frame at 200x60 under 2 ms; sorting and
//! filtering under 5 ms.

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
use pooltop::ui::{Feed, Input, Options, ProfileHeader};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

fn screen(moment: &Arc<pooltop::analysis::Moment>) -> App {
    let profile = ProfileHeader {
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
    };
    let mut app = App::new(Options::new(profile, Clock::manual(moment.at)).expect("built-in theme and keys"));
    app.update(Event::Resize(200, 60));
    app.update(Event::Input(Input::Moment(Arc::clone(moment))));
    app
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

criterion_group!(screen_benches, benches);
criterion_main!(screen_benches);
