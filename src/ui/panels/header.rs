//! The first line: which profile, how its targets stand, what pooltop itself costs, what time it is.

use std::fmt::Write as _;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::model::target::{Overhead, TargetState, TargetStatus, Wire};
use crate::model::time::Timestamp;
use crate::model::track::Playing;
use crate::text::size;
use crate::text::span::span;
use crate::ui::contract::{Feed, ProfileHeader, RecordingState};
use crate::ui::format;
use crate::ui::paint::{Paint, cells, put_cut, put_line};
use crate::ui::state::reel::Hold;
use crate::ui::theme::Meaning;

/// What the header shows.
#[derive(Debug)]
pub struct Header<'a> {
    /// The profile.
    pub profile: &'a ProfileHeader,
    /// Its targets.
    pub targets: &'a [TargetStatus],
    /// The time that counts.
    pub now: Timestamp,
    /// What is said beside it.
    pub clock: Clock,
    /// The recording into a file.
    pub recording: Option<&'a RecordingState>,
}

/// Which time the screen shows.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Whether the screen follows the present.
    pub hold: Hold,
    /// How the replay stands, if it is one.
    pub playing: Option<Playing>,
    /// The newest moment, shown or not.
    pub newest: Timestamp,
    /// Another moment was asked for and is on its way.
    pub waiting: bool,
    /// There is not much room.
    pub short: bool,
}

/// Draws it. What does not fit falls away from the right: cost, then targets that are live.
pub fn draw(header: &Header<'_>, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
    let clock = clock(header, paint);
    let room = area.width.saturating_sub(cells(&clock) + 1);
    put_line(
        buf,
        Rect { x: area.right().saturating_sub(cells(&clock)), width: cells(&clock).min(area.width), ..area },
        &clock,
    );
    let mut line = profile(header.profile, paint);
    line.spans.extend(recording(header.recording, paint));
    let mut order: Vec<&TargetStatus> = header.targets.iter().collect();
    order.sort_by_key(|target| target.state == TargetState::Live);
    let mut left_out = 0;
    for target in order {
        let free = usize::from(room).saturating_sub(line.width());
        let named = header.targets.len() > 1 || *target.name != *header.profile.name;
        let chips =
            [Detail::Full, Detail::Least].map(|detail| chip(target, named, header.now, (detail, paint)));
        match chips.into_iter().find(|chip| chip.iter().map(Span::width).sum::<usize>() <= free) {
            Some(chip) => line.spans.extend(chip),
            None => left_out += 1,
        }
    }
    if left_out > 0 {
        line.push_span(paint.span(format!("  +{left_out}"), Meaning::Muted));
    }
    put_cut(buf, Rect { width: room, ..area }, &line, paint);
    let cost = cost(header.targets, paint);
    let start = area.x + room.saturating_sub(cells(&cost) + 2);
    if start > area.x + cells(&line) + 1 {
        put_line(buf, Rect { x: start, width: cells(&cost), ..area }, &cost);
    }
}

fn profile<'t>(profile: &ProfileHeader, paint: &Paint<'_>) -> Line<'t> {
    let mut line = Line::from(vec![Span::raw(" "), paint.span(profile.name.to_string(), Meaning::Title)]);
    let look = if profile.production { Meaning::Production } else { Meaning::Accent };
    let label = profile.label.as_ref().map(ToString::to_string);
    let label = label.or_else(|| profile.production.then(|| "PRODUCTION".to_owned()));
    for (word, look) in [
        (label, look),
        (feed(&profile.feed), Meaning::Frozen),
        (profile.is_read_only().then(|| "read-only".to_owned()), Meaning::Notice),
        (scale(profile.time_scale), Meaning::Notice),
    ] {
        if let Some(word) = word {
            line.push_span(Span::raw("  "));
            line.push_span(
                paint.span(if look == Meaning::Notice { word } else { format!(" {word} ") }, look),
            );
        }
    }
    line
}

/// That everything goes into a file; or that it does not any more.
fn recording<'t>(recording: Option<&RecordingState>, paint: &Paint<'_>) -> Vec<Span<'t>> {
    let Some(state) = recording else { return Vec::new() };
    let (word, look) = match state.problem {
        None => (format!("{} REC {}", paint.glyphs.live, size::roughly(state.bytes as f64)), Meaning::Accent),
        Some(_) => ("REC stopped".to_owned(), Meaning::Danger),
    };
    vec![Span::raw("  "), paint.span(word, look)]
}

fn feed(feed: &Feed) -> Option<String> {
    match feed {
        Feed::Live => None,
        Feed::Demo => Some("DEMO".to_owned()),
        Feed::Recording(name) => Some(format!("RECORDING {name}")),
    }
}

fn scale(scale: f64) -> Option<String> {
    ((scale - 1.0).abs() > 1e-9).then(|| format!("thresholds x{scale}"))
}

/// How much a chip says about a target with which all is well.
#[derive(Clone, Copy)]
enum Detail {
    Full,
    Least,
}

/// A target in a few cells: name, sign, and what is not as it should be.
/// Where the profile is called like its only target, the name stands there already.
fn chip<'t>(
    target: &TargetStatus,
    named: bool,
    now: Timestamp,
    (detail, paint): (Detail, &Paint<'_>),
) -> Vec<Span<'t>> {
    let since = now.age_of(target.at);
    let age = target.age.map(|age| age + since);
    let (sign, word, look) = match target.state {
        TargetState::Live => (paint.glyphs.live, live_word(target, age, detail), Meaning::Good),
        TargetState::Stale => (
            paint.glyphs.stale,
            format!("stale {}", age.map(format::age).unwrap_or_default()),
            Meaning::Warning,
        ),
        TargetState::Refused => (paint.glyphs.down, refusal(target, since), Meaning::Danger),
        TargetState::Down if target.error.is_none() && target.age.is_none() => {
            (paint.glyphs.stale, "connecting".to_owned(), Meaning::Muted)
        }
        TargetState::Down => (paint.glyphs.down, outage(target, age, since), Meaning::Danger),
    };
    let name = if named { format!("  {} ", target.name) } else { " ".to_owned() };
    vec![
        paint.span(name, Meaning::Text),
        paint.span(sign, look),
        Span::raw(" "),
        paint.span(word, if target.state == TargetState::Live { Meaning::Muted } else { look }),
    ]
}

/// What a probe found, or that our statements queue with the application's; and an age only where it is not the usual
/// one, because below a second it jitters from frame to frame without saying more.
fn live_word(target: &TargetStatus, age: Option<Duration>, detail: Detail) -> String {
    let usual = Duration::from_secs(if target.round_trip.is_some() { 10 } else { 2 });
    let age = age.filter(|age| *age >= usual).map(|age| format::age(whole_seconds(age)));
    let about = match (target.round_trip, target.wire, detail) {
        (Some(round_trip), ..) => Some(format!("pooled {}", format::age(round_trip))),
        (None, Some(Wire::Pooled), Detail::Full) => Some("pooled, queues with the application".to_owned()),
        (None, Some(Wire::Pooled), Detail::Least) => Some("pooled".to_owned()),
        _ => None,
    };
    // A standby that is a second behind is a standby.
    let lag = target.replay_lag_s.map(|lag| match lag {
        lag if lag < 2.0 => "standby".to_owned(),
        lag => format!("standby {} behind", format::seconds(lag)),
    });
    about.into_iter().chain(lag).chain(age).collect::<Vec<_>>().join(" ")
}

fn refusal(target: &TargetStatus, since: Duration) -> String {
    let code = target.error.as_ref().and_then(|error| error.code.as_ref());
    let code = code.map(|code| format!(" {code}")).unwrap_or_default();
    if target.needs_secret {
        return format!("refused{code}, password needed");
    }
    format!("refused{code}{}", retry(target, since))
}

fn outage(target: &TargetStatus, age: Option<Duration>, since: Duration) -> String {
    let age = age.map(|age| format!(" {}", format::age(age))).unwrap_or_default();
    format!("down{age}{}", retry(target, since))
}

/// The countdown to the next attempt, behind a comma; nothing where none is planned.
pub fn retry(target: &TargetStatus, since: Duration) -> String {
    match target.retry_in.map(|left| left.saturating_sub(since)) {
        Some(Duration::ZERO) => ", trying now".to_owned(),
        Some(left) => format!(", retry in {}s", left.as_secs() + u64::from(left.subsec_millis() > 0)),
        None => String::new(),
    }
}

/// What pooltop costs, all targets together.
fn cost<'t>(targets: &[TargetStatus], paint: &Paint<'_>) -> Line<'t> {
    let sum =
        targets.iter().map(|target| target.overhead).fold(Overhead::default(), |sum, overhead| Overhead {
            connections: sum.connections + overhead.connections,
            statements_per_sample: sum.statements_per_sample + overhead.statements_per_sample,
            server_ms_per_sample: sum.server_ms_per_sample + overhead.server_ms_per_sample,
        });
    let dot = paint.glyphs.dot;
    let dropped: u64 = targets.iter().map(|target| target.dropped).sum();
    let mut text = format!(
        "pooltop: {} conn {dot} {:.0} stmt/sample {dot} {:.0} ms",
        sum.connections, sum.statements_per_sample, sum.server_ms_per_sample
    );
    if dropped > 0 {
        let _ = write!(text, " {dot} {dropped} dropped");
    }
    Line::from(paint.span(text, Meaning::Muted))
}

fn clock<'t>(header: &Header<'_>, paint: &Paint<'_>) -> Line<'t> {
    let (clock, now) = (&header.clock, header.now);
    let waits = if clock.waiting { format!(" {}", paint.glyphs.ellipsis) } else { String::new() };
    let time = format::clock(now, paint.zone);
    let text = match (clock.playing, clock.hold) {
        (Some(playing), _) => replay(clock, playing, now, paint),
        (None, Hold::Following) if clock.waiting => time,
        (None, Hold::Following) => return Line::from(paint.span(format!("{time} "), Meaning::Text)),
        (None, Hold::Frozen) => format!("FROZEN at {time}"),
        (None, Hold::Past) => {
            let (time, ago) = (format::time_on(now, clock.newest, paint.zone), clock.newest.age_of(now));
            format!("PAST {time}, {} ago", span(whole_seconds(ago)))
        }
    };
    Line::from(paint.span(format!(" {text}{waits} "), Meaning::Frozen))
}

/// Time and pace of a replay. On which day it was is part of the time, where there is room for it.
fn replay(clock: &Clock, playing: Playing, now: Timestamp, paint: &Paint<'_>) -> String {
    let time = if clock.short { format::time(now, paint.zone) } else { format::full(now, paint.zone) };
    let state = match playing {
        Playing { at_end: true, .. } => " end",
        Playing { running: false, .. } => " paused",
        _ => "",
    };
    format!("REPLAY {time} {}{}{state}", paint.glyphs.times, playing.speed)
}

fn whole_seconds(age: Duration) -> Duration {
    Duration::from_secs(age.as_secs())
}
