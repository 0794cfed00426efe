//! Lines that are shown for a while.

use std::collections::VecDeque;
use std::time::Duration;

use crate::text::Text;
use crate::ui::contract::Tone;

/// How long a toast stays.
fn lifetime(tone: Tone) -> Duration {
    match tone {
        Tone::Info => Duration::from_secs(3),
        Tone::Warning => Duration::from_secs(10),
        Tone::Error => Duration::from_secs(20),
    }
}

/// The toasts that are shown, oldest first.
#[derive(Debug, Default)]
pub struct Toasts(VecDeque<(Duration, Tone, Text)>);

/// More at once would hide what they are about.
const MOST: usize = 4;

impl Toasts {
    /// Shows a line. `now` is monotonic. The same line again only stays longer.
    pub fn show(&mut self, now: Duration, tone: Tone, text: Text) {
        self.0.retain(|(_, _, shown)| *shown != text);
        self.0.push_back((now + lifetime(tone), tone, text));
        while self.0.len() > MOST {
            self.0.pop_front();
        }
    }

    /// Takes away the lines that begin like this: what follows says more.
    pub fn forget(&mut self, beginning: &str) {
        self.0.retain(|(_, _, shown)| !shown.starts_with(beginning));
    }

    /// Drops what has been shown long enough; says whether anything was.
    pub fn expire(&mut self, now: Duration) -> bool {
        let before = self.0.len();
        self.0.retain(|(until, _, _)| *until > now);
        self.0.len() != before
    }

    /// What is shown, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Tone, &Text)> {
        self.0.iter().map(|(_, tone, text)| (*tone, text))
    }

    /// Takes every line away; says whether there was one.
    pub fn clear(&mut self) -> bool {
        !std::mem::take(&mut self.0).is_empty()
    }
}
