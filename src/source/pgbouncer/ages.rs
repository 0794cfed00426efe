//! How old connections are, by the pooler's own clock and in its own time zone.
//!
//! A console writes moments as `2026-11-21 04:15:46 CET`: whole seconds, and an abbreviation that says nothing elsewhere.
//! So no zone is read. The console's own row has asked just now, hence its `request_time` is now, and an age is the
//! difference of two texts that end in the same zone.

use jiff::civil::DateTime;

/// The pooler's clock at the moment of a snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ages<'a>(Option<Moment<'a>>);

#[derive(Clone, Copy, Debug)]
struct Moment<'a> {
    at: DateTime,
    zone: &'a [u8],
}

impl<'a> Ages<'a> {
    /// By the `request_time` of the consoles that are connected: of these, ours has asked last.
    pub(super) fn by_consoles(requests: impl Iterator<Item = &'a [u8]>) -> Self {
        Self(requests.filter_map(moment).max_by_key(|moment| moment.at))
    }

    /// The age of something that began then, s. A moment of another zone has none: the clocks were changed in between.
    pub(super) fn of(self, began: &[u8]) -> Option<f64> {
        let (now, began) = (self.0?, moment(began)?);
        let age = now.at.duration_since(began.at).as_secs_f64();
        (now.zone == began.zone).then_some(age.max(0.0))
    }
}

/// A fixed layout, read by position: there are two of them per row.
fn moment(cell: &[u8]) -> Option<Moment<'_>> {
    let digits = |from: usize, to: usize| -> Option<i16> {
        cell.get(from..to)?.iter().try_fold(0_i16, |sum, byte| {
            byte.is_ascii_digit().then(|| sum.checked_mul(10)?.checked_add(i16::from(byte - b'0')))?
        })
    };
    let small = |from: usize| i8::try_from(digits(from, from + 2)?).ok();
    let [month, day, hour, minute, second] = [small(5)?, small(8)?, small(11)?, small(14)?, small(17)?];
    let at = DateTime::new(digits(0, 4)?, month, day, hour, minute, second, 0).ok()?;
    Some(Moment { at, zone: cell.get(19..)?.trim_ascii() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_the_difference_of_two_texts_of_the_same_zone() {
        let consoles = ["2026-11-21 04:00:00 CET", "2026-11-21 04:15:46 CET", "nonsense"];
        let ages = Ages::by_consoles(consoles.iter().map(|text| text.as_bytes()));
        for (began, age) in [
            ("2026-11-21 04:15:46 CET", Some(0.0)),
            ("2026-11-20 04:15:45 CET", Some(86_401.0)),
            ("2026-11-21 04:15:47 CET", Some(0.0)),
            ("2026-11-21 04:15:46 CEST", None),
            ("2026-11-21 04:15:46", None),
            ("", None),
            ("2026-13-21 04:15:46 CET", None),
            ("9999999-21 04:15:46 CET", None),
        ] {
            assert_eq!(ages.of(began.as_bytes()), age, "{began}");
        }
        assert_eq!(Ages::default().of(b"2026-11-21 04:15:46 CET"), None, "no console row, no clock");
    }
}
