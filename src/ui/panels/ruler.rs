//! The past as one line: from where to where it is known, what happened in it, and which moment the screen shows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::model::time::Timestamp;
use crate::model::track::{MarkKind, Track};
use crate::ui::format;
use crate::ui::paint::{Paint, cells, put, put_line};
use crate::ui::state::travel::gravity;
use crate::ui::theme::Meaning;

/// From this width on the times at the ends have seconds.
const ROOMY: u16 = 60;

/// What the ruler shows.
#[derive(Debug)]
pub struct Ruler<'a> {
    /// The past.
    pub track: &'a Track,
    /// Where the screen stands.
    pub shown: Timestamp,
    /// The moment that is kept to compare with.
    pub kept: Option<Timestamp>,
    /// Whether its end is the present.
    pub live: bool,
}

/// Draws it: the times of both ends, between them the line with its gaps and marks, above all the moment shown.
pub fn draw(ruler: &Ruler<'_>, paint: &Paint<'_>, area: Rect, buf: &mut Buffer) {
    let (oldest, newest) = ends(ruler, paint, area.width >= ROOMY);
    let (left, right) = (cells(&oldest), cells(&newest));
    put_line(buf, area, &oldest);
    put_line(buf, Rect { x: area.right().saturating_sub(right), width: right, ..area }, &newest);
    let rail = Rect { x: area.x + left, width: area.width.saturating_sub(left + right), ..area };
    for (place, x) in (0..rail.width).zip(rail.x..) {
        let (sign, look) = line_at(ruler.track, place, rail.width, paint);
        sign_at(x, rail, (sign, look), paint, buf);
    }
    let mut marks: Vec<_> = ruler.track.marks.iter().collect();
    // The graver of two in one place is drawn last.
    marks.sort_by_key(|mark| gravity(mark.kind));
    for mark in marks {
        at(ruler.track, mark.at, rail, |x| sign_at(x, rail, sign(mark.kind, paint), paint, buf));
    }
    if let Some(kept) = ruler.kept {
        at(ruler.track, kept, rail, |x| sign_at(x, rail, ("A", Meaning::Key), paint, buf));
    }
    at(ruler.track, ruler.shown, rail, |x| {
        sign_at(x, rail, (paint.glyphs.thumb, Meaning::Frozen), paint, buf);
    });
}

fn ends<'t>(ruler: &Ruler<'_>, paint: &Paint<'_>, roomy: bool) -> (Line<'t>, Line<'t>) {
    let time = |at| {
        let time = format::time_on(at, ruler.track.newest, paint.zone);
        let seconds = if roomy { 0 } else { ":00".len() };
        time[..time.len() - seconds].to_owned()
    };
    let newest = if ruler.live { "live".to_owned() } else { time(ruler.track.newest) };
    let end = |text: String| Line::from(paint.span(format!(" {text} "), Meaning::Muted));
    (end(time(ruler.track.oldest)), end(newest))
}

/// A sign, and how it looks.
type Sign = (&'static str, Meaning);

fn sign(kind: MarkKind, paint: &Paint<'_>) -> Sign {
    match kind {
        MarkKind::Finding(severity) => paint.severity(severity),
        MarkKind::Operation => (paint.glyphs.operation, Meaning::Accent),
        MarkKind::Event(_) => (paint.glyphs.event, Meaning::Text),
    }
}

/// The line itself in one cell: broken where the middle of what the cell stands for is in a gap.
fn line_at(track: &Track, place: u16, width: u16, paint: &Paint<'_>) -> Sign {
    let whole = track.newest.age_of(track.oldest);
    let middle = track.oldest.plus(whole * (2 * u32::from(place) + 1) / (2 * u32::from(width.max(1))));
    let gap = track.gaps.iter().any(|(begin, end)| (*begin..*end).contains(&middle));
    (if gap { paint.glyphs.gap } else { paint.glyphs.rail }, Meaning::Border)
}

/// Calls `with` with the column of a time, if it is on the ruler.
fn at(track: &Track, time: Timestamp, rail: Rect, with: impl FnOnce(u16)) {
    if let Some(place) = place_of(track, time, rail.width) {
        with(rail.x + place);
    }
}

/// In which of `width` cells a time lies.
fn place_of(track: &Track, time: Timestamp, width: u16) -> Option<u16> {
    let (whole, part) = (track.newest.age_of(track.oldest), time.age_of(track.oldest));
    if width == 0 || time < track.oldest || time > track.newest {
        return None;
    }
    if whole.is_zero() {
        return Some(width - 1);
    }
    let cell = u128::from(width) * part.as_micros() / whole.as_micros();
    Some(u16::try_from(cell).unwrap_or(u16::MAX).min(width - 1))
}

fn sign_at(x: u16, rail: Rect, (sign, look): Sign, paint: &Paint<'_>, buf: &mut Buffer) {
    put(buf, Rect { x, width: 1, ..rail }, sign, paint.style(look), paint.glyphs);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EventKind;
    use crate::model::finding::Severity;
    use crate::model::track::Mark;
    use crate::ui::glyphs::{ASCII, UNICODE};
    use crate::ui::theme::{Depth, Themes};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(1_795_269_600_000_000 + second * 1_000_000)
    }

    fn drawn(ruler: &Ruler<'_>, width: u16, ascii: bool) -> String {
        let theme = Themes::built_in().load("dark", Depth::True).unwrap();
        let (zone, glyphs) = (jiff::tz::TimeZone::UTC, if ascii { &ASCII } else { &UNICODE });
        let area = Rect::new(0, 0, width, 1);
        let mut buf = Buffer::empty(area);
        draw(ruler, &Paint { theme: &theme, glyphs, zone: &zone }, area, &mut buf);
        buf.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    fn track() -> Track {
        let mark = |second, kind| Mark { at: at(second), kind, text: "something".into() };
        Track {
            oldest: at(0),
            newest: at(220),
            gaps: vec![(at(20), at(45))],
            marks: vec![
                mark(60, MarkKind::Event(EventKind::Restart)),
                mark(100, MarkKind::Finding(Severity::Notice)),
                mark(105, MarkKind::Finding(Severity::Critical)),
                mark(150, MarkKind::Operation),
            ],
        }
    }

    #[test]
    fn gaps_marks_and_the_moment_shown_stand_in_their_places() {
        let track = track();
        for (shown, kept, live, ascii, expected) in [
            (170, None, true, false, " 14:00 ──   ─┼───●────■─┃───── live "),
            (0, Some(30), true, false, " 14:00 ┃─ A ─┼───●────■─────── live "),
            (220, None, false, true, " 14:00 --   -|---X----@------# 14:03 "),
        ] {
            let ruler = Ruler { track: &track, shown: at(shown), kept: kept.map(at), live };
            let line = drawn(&ruler, if live { 36 } else { 37 }, ascii);
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn a_past_of_one_moment_and_one_that_began_yesterday_have_their_ruler_too() {
        let mut track = Track { gaps: Vec::new(), marks: Vec::new(), ..track() };
        track.newest = track.oldest;
        let moment = Ruler { track: &track, shown: track.oldest, kept: None, live: true };
        assert_eq!(drawn(&moment, 20, false), " 14:00 ──────┃ live ");
        track.oldest = at(-86_400);
        let ruler = Ruler { track: &track, shown: at(0), kept: None, live: false };
        assert!(drawn(&ruler, 60, false).starts_with(" 11-20 14:00:00 ──"));
        for width in 0..20 {
            drawn(&ruler, width, true);
        }
    }
}
