//! The past on the screen: going back in what is kept of a running profile, and through a recording that plays.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::Dashboard;
use crate::analysis::Moment;
use crate::cli::backfill::Past;
use crate::model::target::TargetError;
use crate::model::time::Timestamp;
use crate::model::track::{Play, Track, Travel};
use crate::monitor::Replay;
use crate::text::Text;
use crate::ui::{Input, Ticket, Tone};

impl Dashboard {
    /// The moments of what runs: the recording that plays, or the profile.
    pub(super) fn moments(&self) -> watch::Receiver<Option<Arc<Moment>>> {
        let mut moments = self.replay.as_ref().map_or_else(|| self.monitor.moments(), Replay::moments);
        // A replay that stands still has shown its moment already, a profile that was watched before likewise.
        moments.mark_changed();
        moments
    }

    /// Tells the screen how the past of what runs grows. What was followed before is not any more.
    pub(super) fn follow(&mut self) {
        self.followers = JoinSet::new();
        let (source, name) = (self.running.history_from.clone(), self.running.name.clone());
        let source = source.filter(|_| self.replay.is_none());
        self.kept = source.map(|source| Arc::new(Past::new(source, name, self.clock.clone())));
        if let Some(replay) = &self.replay {
            let (track, playing, trouble) = (replay.track(), replay.playing(), replay.trouble());
            self.pass_on(track, |track| Some(Input::Track(Arc::clone(track))));
            self.pass_on(playing, |playing| Some(Input::Playing(*playing)));
            self.pass_on(trouble, |why| Some(Input::Toast(Tone::Error, why.clone()?)));
        } else if let Some(kept) = self.kept.clone() {
            let (track, inputs) = (self.monitor.track(), self.inputs.clone());
            self.followers.spawn(pass_on_longer(track, kept, inputs));
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
            None => self.answer(ticket, self.live(from, travel)),
        }
    }

    /// Looks up another moment.
    pub(super) fn glance(&self, ticket: Ticket, at: Timestamp) {
        match &self.replay {
            Some(replay) => self.answer(ticket, replay.glance(at)),
            None => self.answer(ticket, self.live(at, Travel::To(at))),
        }
    }

    /// Of the profile that runs: in memory, or before it where that is kept elsewhere.
    fn live(
        &self,
        from: Timestamp,
        travel: Travel,
    ) -> impl Future<Output = Result<Arc<Moment>, Text>> + Send + use<> {
        let in_memory = self.monitor.travel(from, travel);
        let begins = self.monitor.track().borrow().as_ref().map(|track| track.oldest);
        let kept = self.kept.clone();
        async move {
            if let (Some(kept), Some(begins)) = (kept, begins) {
                match kept.travel(begins, from, travel).await {
                    Ok(Some(moment)) => return Ok(moment),
                    // Nothing was kept before, or the oldest in memory is better than none.
                    Ok(None) => {}
                    Err(_) if travel == Travel::Oldest => {}
                    Err(error) => return Err(in_words(&error)),
                }
            }
            in_memory.await.ok_or_else(not_kept)
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

/// Passes on how far the past reaches, with what is kept elsewhere once that is known. That it cannot be known is said once.
async fn pass_on_longer(
    mut tracks: watch::Receiver<Option<Arc<Track>>>,
    kept: Arc<Past>,
    inputs: mpsc::Sender<Input>,
) {
    let (mut is_first, mut is_told) = (true, false);
    tracks.mark_changed();
    while tracks.changed().await.is_ok() {
        let Some(track) = tracks.borrow_and_update().clone() else { continue };
        if std::mem::take(&mut is_first) && inputs.send(Input::Track(Arc::clone(&track))).await.is_err() {
            return;
        }
        let longer = kept.extend(&track).await;
        if let Err(error) = &longer
            && !std::mem::replace(&mut is_told, true)
            && inputs.send(Input::Toast(Tone::Warning, in_words(error))).await.is_err()
        {
            return;
        }
        if inputs.send(Input::Track(longer.map_or(track, Arc::new))).await.is_err() {
            return;
        }
    }
}

fn in_words(error: &TargetError) -> Text {
    let hint = error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    Text::line(&format!("no history: {}{hint}", error.message))
}

fn not_kept() -> Text {
    "that moment is not kept any more".into()
}
