//! Which two moments are compared: the one shown, and the one that was kept, or that of five minutes before.

use std::sync::Arc;
use std::time::Duration;

use super::app::App;
use super::reel::Way;
use crate::analysis::Moment;
use crate::model::track::Travel;
use crate::ui::contract::{Effect, Tone};
use crate::ui::format;
use crate::ui::layers::Layer;
use crate::ui::layers::compare::Before;
use crate::ui::layers::page::{Page, Subject};

/// How far back the other moment is where none was kept: long enough that an incident shows, short enough that what
/// changed is still about it.
const BACK: Duration = Duration::from_secs(300);

impl App {
    /// Keeps the moment shown to compare with; the same once more, and it is forgotten.
    pub(super) fn keep_moment(&mut self) {
        let Some(shown) = self.reel.shown().cloned() else { return };
        let again = self.journey.kept.take().is_some_and(|kept| kept.at == shown.at);
        let text = if again {
            "No moment is kept any more.".to_owned()
        } else {
            format!("{} is kept to compare with.", format::time(shown.at, &self.options.zone))
        };
        self.journey.kept = (!again).then_some(shown);
        self.toast(Tone::Info, &text);
    }

    /// Opens the comparison of the moment shown with the one kept.
    pub(super) fn compare(&mut self) {
        let Some(shown) = self.reel.shown().cloned() else {
            return self.toast(Tone::Info, "Nothing was seen yet.");
        };
        self.journey.before = match self.journey.kept.clone() {
            Some(kept) => Before::Known(kept),
            None => self.some_time_before(&shown),
        };
        self.layers.push(Layer::Page(Page::new(Subject::Compare)));
    }

    /// The moment, or, where nothing was seen yet at that time, the first at hand in which something was.
    pub(super) fn seen_or_later(&self, moment: Arc<Moment>) -> Before {
        if moment.has_seen_anything() {
            return Before::Known(moment);
        }
        Before::Known(self.reel.first(Moment::has_seen_anything).cloned().unwrap_or(moment))
    }

    /// The moment of [`BACK`] before, or the oldest where the past does not reach so far.
    fn some_time_before(&mut self, shown: &Moment) -> Before {
        let at = shown.at.minus(BACK);
        match (self.reel.way(shown.at, Travel::To(at)), self.reel.oldest().cloned()) {
            (Way::Kept(moment), _) => self.seen_or_later(moment),
            (_, Some(oldest)) if !self.reaches_beyond() => self.seen_or_later(oldest),
            _ => {
                let ticket = self.journey.ticket();
                self.effects.push(Effect::Glance { ticket, at });
                Before::Asked(ticket)
            }
        }
    }
}
