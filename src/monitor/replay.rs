//! A recording that plays: its moments come as they did, or as fast as asked, and can be gone to in any order.
//!
//! What is shown is made of the recording's frames by the same code that made it when it was recorded.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::travel::Cursor;
use crate::analysis::Moment;
use crate::model::target::TargetStatus;
use crate::model::time::Timestamp;
use crate::model::track::{Play, Playing, Track, Travel};
use crate::record::{ReadError, Reader, Recorded};
use crate::text::Text;

/// A time of which nothing is recorded passes within this, at any speed.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How often the end of a recording is looked at again: somebody may still be writing it.
const GROWS: Duration = Duration::from_secs(1);
/// Orders that may wait.
const ORDERS: usize = 64;

/// What is asked of a replay.
enum Order {
    /// Go somewhere; the moment there is also what is shown.
    Travel(Travel, Answer),
    /// Look at another time and stay.
    Glance(Timestamp, Answer),
    Play(Play),
}

type Answer = oneshot::Sender<Result<Arc<Moment>, Text>>;

/// A recording that plays. Dropping it ends that.
pub struct Replay {
    orders: mpsc::Sender<Order>,
    moments: watch::Receiver<Option<Arc<Moment>>>,
    playing: watch::Receiver<Playing>,
    track: watch::Receiver<Arc<Track>>,
    trouble: watch::Receiver<Option<Text>>,
    tasks: JoinSet<()>,
}

impl Replay {
    /// Starts to play a recording at its beginning, or at `from`. Fails where nothing can be shown.
    pub async fn start(mut reader: Reader, from: Option<Timestamp>, running: bool) -> Result<Self, Text> {
        let track = Arc::new(reader.track().await.map_err(|error| words(&error))?);
        let mut cursor = Cursor::default();
        let mut place = place_at(&mut reader, &mut cursor, from.unwrap_or(track.oldest)).await?;
        if from.is_none() {
            place = place.seen(&mut cursor)?;
        }
        let (orders, receiver) = mpsc::channel(ORDERS);
        let (moments, shown) = watch::channel(Some(Arc::clone(&place.moment)));
        let (playing, state) = watch::channel(Playing { running, speed: 1.0, at_end: false });
        let (track, reach) = watch::channel(track);
        let (trouble, told) = watch::channel(None);
        let player = Player {
            reader,
            cursor,
            place,
            upcoming: None,
            shown: Instant::now(),
            moments,
            playing,
            track,
            trouble,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(player.run(receiver));
        Ok(Self { orders, moments: shown, playing: state, track: reach, trouble: told, tasks })
    }

    /// The moment that is shown, and a way to wait for the next.
    pub fn moments(&self) -> watch::Receiver<Option<Arc<Moment>>> {
        self.moments.clone()
    }

    /// How it goes on.
    pub fn playing(&self) -> watch::Receiver<Playing> {
        self.playing.clone()
    }

    /// How far it reaches; grows with a recording that is still being written.
    pub fn track(&self) -> watch::Receiver<Arc<Track>> {
        self.track.clone()
    }

    /// Why it cannot go on, where that is so.
    pub fn trouble(&self) -> watch::Receiver<Option<Text>> {
        self.trouble.clone()
    }

    /// Goes somewhere and stays or plays on from there, as it did before.
    pub fn travel(&self, travel: Travel) -> impl Future<Output = Result<Arc<Moment>, Text>> + Send + use<> {
        let (answer, moment) = oneshot::channel();
        self.order(Order::Travel(travel, answer), moment)
    }

    /// The last moment at or before this time without going there; of a time before anything was seen, the first at which
    /// something was.
    pub fn glance(&self, at: Timestamp) -> impl Future<Output = Result<Arc<Moment>, Text>> + Send + use<> {
        let (answer, moment) = oneshot::channel();
        self.order(Order::Glance(at, answer), moment)
    }

    /// Resolves when the player panicked, with what it said.
    pub async fn failed(&mut self) -> String {
        super::panicked(&mut self.tasks).await
    }

    /// Goes on, stops, or changes its speed.
    pub fn play(&self, play: Play) {
        // A player that has ended has said why.
        let _ = self.orders.try_send(Order::Play(play));
    }

    fn order(
        &self,
        order: Order,
        moment: oneshot::Receiver<Result<Arc<Moment>, Text>>,
    ) -> impl Future<Output = Result<Arc<Moment>, Text>> + Send + use<> {
        let sent = self.orders.try_send(order);
        async move {
            sent.map_err(|_| Text::from("the replay is busy; try again"))?;
            moment.await.unwrap_or_else(|_| Err("the replay has ended".into()))
        }
    }
}

/// A place in a recording.
struct Place {
    recorded: Arc<Recorded>,
    /// How many frames of the stretch are in the moment; at least one.
    taken: usize,
    moment: Arc<Moment>,
}

impl Place {
    /// The last moment of a stretch at or before `at`; its first, where there is none.
    async fn at(cursor: &mut Cursor, recorded: Recorded, at: Timestamp) -> Result<Option<Self>, Text> {
        let taken = recorded.stretch.frames.partition_point(|frame| frame.at <= at).max(1);
        Self::after(cursor, Arc::new(recorded), taken).await
    }

    /// The moment after so many frames of a stretch. `None` where it has none.
    async fn after(cursor: &mut Cursor, recorded: Arc<Recorded>, taken: usize) -> Result<Option<Self>, Text> {
        let mut away = std::mem::take(cursor);
        let made = tokio::task::spawn_blocking(move || (Self::make(&mut away, recorded, taken), away)).await;
        let (place, back) = made.map_err(|error| Text::line(&error.to_string()))?;
        *cursor = back;
        place
    }

    fn make(cursor: &mut Cursor, recorded: Arc<Recorded>, taken: usize) -> Result<Option<Self>, Text> {
        let (stretch, number) = (&recorded.stretch, recorded.id.unsigned_abs());
        let taken = taken.min(stretch.frames.len());
        let frames = stretch.frames.get(..taken).unwrap_or_default();
        let moment = cursor.moment(number, &stretch.start, frames);
        let moment = moment.map_err(|error| Text::line(&error.to_string()))?;
        Ok(moment.map(|moment| Self { recorded, taken, moment }))
    }

    /// The first place from here on where something was seen of every target that answers: a recording begins with targets
    /// that are being connected.
    fn seen(mut self, cursor: &mut Cursor) -> Result<Self, Text> {
        let tried = |target: &TargetStatus| target.age.is_some() || target.error.is_some();
        let settled = |moment: &Moment| moment.has_seen_anything() && moment.targets.iter().all(tried);
        while !settled(&self.moment) && self.step(cursor)? {}
        Ok(self)
    }

    /// Takes in the next frame of the stretch. `false` where there is none.
    fn step(&mut self, cursor: &mut Cursor) -> Result<bool, Text> {
        let next = Self::make(cursor, Arc::clone(&self.recorded), self.taken + 1)?;
        let Some(next) = next.filter(|next| next.taken > self.taken) else { return Ok(false) };
        *self = next;
        Ok(true)
    }
}

/// What plays.
struct Player {
    reader: Reader,
    cursor: Cursor,
    place: Place,
    /// The stretch that comes next, where it was read already.
    upcoming: Option<Arc<Recorded>>,
    /// When the moment that is shown began to be shown.
    shown: Instant,
    moments: watch::Sender<Option<Arc<Moment>>>,
    playing: watch::Sender<Playing>,
    track: watch::Sender<Arc<Track>>,
    trouble: watch::Sender<Option<Text>>,
}

impl Player {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            let due = match self.due().await {
                Ok(due) => due,
                Err(why) => {
                    self.stop(why);
                    Instant::now() + GROWS
                }
            };
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
                () = sleep_until(due) => self.go_on(due).await,
            }
        }
    }

    /// When the next moment is to be shown, or looked for.
    async fn due(&mut self) -> Result<Instant, Text> {
        let Playing { running, speed, .. } = *self.playing.borrow();
        let next = self.next().await?;
        self.state(|playing| playing.at_end = next.is_none());
        Ok(match next {
            Some(at) if running => {
                let distance = at.age_of(self.place.moment.at).div_f64(speed);
                self.shown + distance.min(LONGEST_WAIT)
            }
            _ => Instant::now() + GROWS,
        })
    }

    /// The time of the moment that follows; `None` at the end.
    async fn next(&mut self) -> Result<Option<Timestamp>, Text> {
        if let Some(frame) = self.place.recorded.stretch.frames.get(self.place.taken) {
            return Ok(Some(frame.at));
        }
        if self.upcoming.is_none() {
            self.upcoming = self.look_ahead().await?;
        }
        let here = self.place.recorded.stretch.frames.get(self.place.taken);
        let next = || self.upcoming.as_ref()?.stretch.frames.first();
        Ok(here.or_else(next).map(|frame| frame.at))
    }

    /// The next stretch that has a frame. Where there is none, this one may have grown.
    async fn look_ahead(&mut self) -> Result<Option<Arc<Recorded>>, Text> {
        let mut id = self.place.recorded.id;
        while let Some(recorded) = self.reader.stretch_after(id).await.map_err(|error| words(&error))? {
            if !recorded.stretch.frames.is_empty() {
                return Ok(Some(Arc::new(recorded)));
            }
            id = recorded.id;
        }
        if !self.reader.has_changed().await.map_err(|error| words(&error))? {
            return Ok(None);
        }
        let here = self
            .reader
            .stretch_at(self.place.recorded.stretch.start.at)
            .await
            .map_err(|error| words(&error))?;
        if here.id == self.place.recorded.id && here.stretch.frames.len() > self.place.taken {
            self.place.recorded = Arc::new(here);
            self.refresh().await?;
        }
        Ok(None)
    }

    /// Shows the next moment, where its time has come.
    async fn go_on(&mut self, due: Instant) {
        if !self.playing.borrow().running {
            return;
        }
        match self.advance().await {
            // At the pace of the recording; what took too long is not caught up with.
            Ok(true) => self.show(due.max(Instant::now() - LONGEST_WAIT)),
            Ok(false) => {}
            Err(why) => self.stop(why),
        }
    }

    /// Takes in the next frame. `false` at the end.
    async fn advance(&mut self) -> Result<bool, Text> {
        // What comes next has to be at hand.
        self.next().await?;
        if self.place.step(&mut self.cursor)? {
            return Ok(true);
        }
        let Some(upcoming) = self.upcoming.take() else { return Ok(false) };
        if let Some(place) = Place::after(&mut self.cursor, upcoming, 1).await? {
            self.place = place;
        }
        Ok(true)
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Travel(travel, answer) => {
                let went = self.travel(travel).await;
                if went.is_ok() {
                    self.trouble.send_replace(None);
                    self.show(Instant::now());
                }
                // Whoever asked may have gone away meanwhile.
                let _ = answer.send(went.map(|()| Arc::clone(&self.place.moment)));
            }
            Order::Glance(at, answer) => {
                let _ = answer.send(self.glance(at).await);
            }
            Order::Play(play) => self.play(play).await,
        }
    }

    async fn travel(&mut self, travel: Travel) -> Result<(), Text> {
        match travel {
            Travel::Step(by) if by >= 0 => {
                for _ in 0..by {
                    if !self.advance().await? {
                        break;
                    }
                }
            }
            Travel::Step(by) => {
                let place = self.back(by.unsigned_abs()).await?;
                self.arrive(place);
            }
            Travel::Oldest => {
                let oldest = self.track.borrow().oldest;
                self.go_to(oldest).await?;
            }
            Travel::Newest => {
                self.refresh().await?;
                let newest = self.track.borrow().newest;
                self.go_to(newest).await?;
            }
            Travel::To(at) => self.go_to(at).await?,
        }
        Ok(())
    }

    async fn go_to(&mut self, at: Timestamp) -> Result<(), Text> {
        let place = place_at(&mut self.reader, &mut self.cursor, at).await?;
        self.arrive(place);
        Ok(())
    }

    /// The cursor stays where it is: what is looked up is not where it goes on.
    async fn glance(&mut self, at: Timestamp) -> Result<Arc<Moment>, Text> {
        let mut cursor = Cursor::default();
        let place = place_at(&mut self.reader, &mut cursor, at).await?;
        Ok(place.seen(&mut cursor)?.moment)
    }

    fn arrive(&mut self, place: Place) {
        self.place = place;
        self.upcoming = None;
    }

    /// So many moments before the one that is shown; the oldest, where there are not so many.
    async fn back(&mut self, mut by: usize) -> Result<Place, Text> {
        let mut recorded = Arc::clone(&self.place.recorded);
        let mut taken = self.place.taken;
        while by >= taken {
            let before = self.reader.stretch_before(recorded.id).await.map_err(|error| words(&error))?;
            let Some(before) = before else {
                by = taken.saturating_sub(1);
                break;
            };
            by -= taken;
            recorded = Arc::new(before);
            taken = recorded.stretch.frames.len();
        }
        Place::after(&mut self.cursor, recorded, (taken - by).max(1)).await?.ok_or_else(nothing)
    }

    async fn play(&mut self, play: Play) {
        let at_end = matches!(self.next().await, Ok(None));
        if play == Play::Toggle && at_end && !self.playing.borrow().running {
            // From the end there is only one way to go on.
            if let Err(why) = self.travel(Travel::Oldest).await {
                self.stop(why);
                return;
            }
            self.show(Instant::now());
        }
        self.state(|playing| match play {
            Play::Toggle => playing.running = !playing.running,
            Play::Faster => playing.speed = faster(playing.speed),
            Play::Slower => playing.speed = slower(playing.speed),
        });
        self.shown = Instant::now();
    }

    /// Reads again how far the recording reaches.
    async fn refresh(&mut self) -> Result<(), Text> {
        let track = self.reader.track().await.map_err(|error| words(&error))?;
        self.track.send_if_modified(|old| {
            let new = **old != track;
            *old = Arc::new(track);
            new
        });
        Ok(())
    }

    fn show(&mut self, at: Instant) {
        self.shown = at;
        self.moments.send_replace(Some(Arc::clone(&self.place.moment)));
    }

    /// Stands still, and says why.
    fn stop(&mut self, why: Text) {
        self.state(|playing| playing.running = false);
        self.trouble.send_if_modified(|told| {
            let new = told.as_ref() != Some(&why);
            *told = Some(why);
            new
        });
    }

    fn state(&self, change: impl FnOnce(&mut Playing)) {
        self.playing.send_if_modified(|playing| {
            let before = *playing;
            change(playing);
            *playing != before
        });
    }
}

/// The last moment of a recording at or before a time; the oldest, where there is none.
async fn place_at(reader: &mut Reader, cursor: &mut Cursor, at: Timestamp) -> Result<Place, Text> {
    let mut recorded = reader.stretch_at(at).await.map_err(|error| words(&error))?;
    // The first frame may be later than the checkpoint that its stretch begins with.
    while recorded.stretch.frames.first().is_none_or(|first| first.at > at) {
        let Some(before) = reader.stretch_before(recorded.id).await.map_err(|error| words(&error))? else {
            break;
        };
        recorded = before;
    }
    loop {
        let id = recorded.id;
        if let Some(place) = Place::at(cursor, recorded, at).await? {
            return Ok(place);
        }
        recorded = reader.stretch_after(id).await.map_err(|error| words(&error))?.ok_or_else(nothing)?;
    }
}

/// The moment of a recording at a time, as [`Replay`] would show it.
pub async fn moment_at(reader: &mut Reader, at: Timestamp) -> Result<Arc<Moment>, Text> {
    Ok(place_at(reader, &mut Cursor::default(), at).await?.moment)
}

/// The first moment of a recording in which something was seen.
pub async fn first_moment(reader: &mut Reader) -> Result<Arc<Moment>, Text> {
    let oldest = reader.track().await.map_err(|error| words(&error))?.oldest;
    let mut cursor = Cursor::default();
    Ok(place_at(reader, &mut cursor, oldest).await?.seen(&mut cursor)?.moment)
}

fn words(error: &ReadError) -> Text {
    Text::line(&error.to_string())
}

fn nothing() -> Text {
    "the recording holds no moment that can be shown".into()
}

/// The next of the speeds after this one.
fn faster(speed: f64) -> f64 {
    Playing::SPEEDS.into_iter().find(|one| *one > speed).unwrap_or(speed)
}

/// The next of the speeds before this one.
fn slower(speed: f64) -> f64 {
    Playing::SPEEDS.into_iter().rev().find(|one| *one < speed).unwrap_or(speed)
}
