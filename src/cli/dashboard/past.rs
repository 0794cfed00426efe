//! The past on the screen: going back in what is kept of a running profile, and through a recording that plays.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Dashboard;
use crate::analysis::Moment;
use crate::model::time::Timestamp;
use crate::model::track::{Play, Travel};
use crate::text::Text;
use crate::ui::{Input, Ticket, Tone};

impl Dashboard {
    /// The moments of what runs: the recording that plays, or the profile.
    pub(super) fn moments(&self) -> watch::Receiver<Option<Arc<Moment>>> {
        self.replay.as_ref().map_or_else(|| self.monitor.moments(), |replay| replay.moments())
    }

    /// Tells the screen how the past of what runs grows. What was followed before is not any more.
    pub(super) fn follow(&mut self) {
        self.followers = JoinSet::new();
        if let Some(replay) = &self.replay {
            let (track, playing, trouble) = (replay.track(), replay.playing(), replay.trouble());
            self.pass_on(track, |track| Some(Input::Track(Arc::clone(track))));
            self.pass_on(playing, |playing| Some(Input::Playing(*playing)));
            self.pass_on(trouble, |why| Some(Input::Toast(Tone::Error, why.clone()?)));
        } else {
            let track = self.monitor.track();
            self.pass_on(track, |track| Some(Input::Track(track.clone()?)));
        }
    }

    /// Passes on what is known now and every change, until what runs ends.
    fn pass_on<T: Send + Sync + 'static>(
        &mut self,
        mut news: watch::Receiver<T>,
        input: impl Fn(&T) -> Option<Input> + Send + 'static,
    ) {
        let inputs = self.inputs.clone();
        news.mark_changed();
        self.followers.spawn(async move {
            while news.changed().await.is_ok() {
                let input = input(&news.borrow_and_update());
                if let Some(input) = input
                    && inputs.send(input).await.is_err()
                {
                    return;
                }
            }
        });
    }

    /// Goes to another moment.
    pub(super) fn travel(&self, ticket: Ticket, from: Timestamp, travel: Travel) {
        match &self.replay {
            Some(replay) => self.answer(ticket, replay.travel(travel)),
            None => {
                let travelling = self.monitor.travel(from, travel);
                self.answer(ticket, async { travelling.await.ok_or_else(not_kept) });
            }
        }
    }

    /// Looks up another moment.
    pub(super) fn glance(&self, ticket: Ticket, at: Timestamp) {
        match &self.replay {
            Some(replay) => self.answer(ticket, replay.glance(at)),
            None => {
                let looking = self.monitor.travel(at, Travel::To(at));
                self.answer(ticket, async { looking.await.ok_or_else(not_kept) });
            }
        }
    }

    fn answer(
        &self,
        ticket: Ticket,
        moment: impl Future<Output = Result<Arc<Moment>, Text>> + Send + 'static,
    ) {
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            let moment = moment.await;
            // Where it cannot be said any more, the screen has ended.
            let _ = inputs.send(Input::Past { ticket, moment }).await;
        });
    }

    /// Goes on with a replay, stops it, or changes its speed.
    pub(super) fn play(&self, play: Play) {
        if let Some(replay) = &self.replay {
            replay.play(play);
        }
    }
}

fn not_kept() -> Text {
    "that moment is not kept any more".into()
}
