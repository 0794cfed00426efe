//! The task behind one target.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::backoff::Backoff;
use super::changes::Changes;
use super::mailbox::Mailbox;
use super::status::Standing;
use crate::model::clock::Clock;
use crate::model::event::EventKind;
use crate::model::secret::SecretString;
use crate::model::target::{TargetError, TargetName, Wire};
use crate::source::{Connection, Opener, Source};

/// Failures to authenticate after which nothing is tried any more: a third one may lock the account.
const AUTHENTICATION_ATTEMPTS: u32 = 2;
/// How often the status is published while nothing answers.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// When the second sample of a connection follows the first, behind which the source reads what changes slowly: the
/// limits of the server stand on the screen at once and not an interval later.
const SECOND: Duration = Duration::from_millis(100);

/// What a collector is asked to read.
#[derive(Clone)]
pub struct Target {
    /// Its name in the profile.
    pub name: TargetName,
    /// How it is reached.
    pub opener: Arc<dyn Opener>,
    /// Time between two samples.
    pub interval: Duration,
    /// How long one sample may take before it is given up.
    pub deadline: Duration,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({} at {})", self.name, self.opener.endpoint())
    }
}

/// The outside's end of a collector.
#[derive(Clone, Debug)]
pub struct Handle {
    name: TargetName,
    /// Holds one wish at most: a key that is held down is not a queue of samples.
    retry: Arc<Notify>,
    secret: watch::Sender<Option<SecretString>>,
    connection: Arc<Mutex<Option<Connection>>>,
}

impl Handle {
    /// Whose.
    pub fn name(&self) -> &TargetName {
        &self.name
    }

    /// Try to connect now instead of at the end of the wait; sample now when connected.
    pub fn retry(&self) {
        self.retry.notify_one();
    }

    /// Connect with this password from now on.
    pub fn give_secret(&self, secret: SecretString) {
        self.secret.send_replace(Some(secret));
    }

    /// The sampling connection, while there is one, for operations that got no connection of their own.
    pub fn connection(&self) -> Option<Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Starts a collector in `tasks`. It ends when the set is dropped; it never ends by itself, so a task of the set
/// that finishes has panicked.
pub fn spawn(target: Target, clock: Clock, mailbox: Mailbox, tasks: &mut JoinSet<()>) -> Handle {
    let (sender, secret) = watch::channel(None);
    let handle = Handle {
        name: target.name.clone(),
        retry: Arc::default(),
        secret: sender,
        connection: Arc::default(),
    };
    let collector = Collector {
        standing: Standing {
            name: target.name.clone(),
            opener: Arc::clone(&target.opener),
            interval: target.interval,
            connected: false,
            last_sample: None,
            overhead: crate::model::target::Overhead::default(),
            description: crate::source::Description::default(),
            error: None,
            retry_at: None,
            needs_secret: false,
        },
        changes: Changes::new(target.name.clone(), target.interval),
        backoff: Backoff::new((&target.name, std::process::id()), target.opener.shortest_wait()),
        target,
        clock,
        mailbox,
        retry: Arc::clone(&handle.retry),
        secret,
        connection: Arc::clone(&handle.connection),
        authentication_failures: 0,
    };
    tasks.spawn(collector.run());
    handle
}

struct Collector {
    target: Target,
    clock: Clock,
    mailbox: Mailbox,
    retry: Arc<Notify>,
    secret: watch::Receiver<Option<SecretString>>,
    connection: Arc<Mutex<Option<Connection>>>,
    standing: Standing,
    changes: Changes,
    backoff: Backoff,
    authentication_failures: u32,
}

/// How reading ended.
enum End {
    /// The connection is of no use any more.
    Lost(TargetError),
    /// Someone gave a new secret: start over with it.
    Reconnect,
}

impl Collector {
    async fn run(mut self) {
        loop {
            self.publish();
            match self.open().await {
                Ok(source) => {
                    self.connected(source.describe().wire);
                    match self.read(source).await {
                        End::Lost(error) => self.lost(error),
                        End::Reconnect => continue,
                    }
                }
                Err(error) => self.refused(error),
            }
            self.wait().await;
        }
    }

    async fn open(&mut self) -> Result<Box<dyn Source>, TargetError> {
        let opener = Arc::clone(&self.target.opener);
        let secret = self.secret.borrow_and_update().clone();
        let mut opening = opener.open(secret);
        let mut heartbeat = heartbeat();
        loop {
            tokio::select! {
                outcome = &mut opening => return outcome,
                _ = heartbeat.tick() => self.publish(),
            }
        }
    }

    fn connected(&mut self, wire: Option<Wire>) {
        self.standing.connected = true;
        self.standing.error = None;
        self.standing.retry_at = None;
        self.standing.needs_secret = false;
        self.authentication_failures = 0;
        let text = match wire {
            Some(Wire::Pooled) => "connected through a pooler: our statements queue with the application's",
            _ => "connected",
        };
        let event = self.changes.event(self.clock.now(), EventKind::Connected, text);
        self.mailbox.event(event);
    }

    /// Samples until the connection is lost.
    async fn read(&mut self, mut source: Box<dyn Source>) -> End {
        self.share(source.connection());
        let mut ticks = interval(self.target.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_first = true;
        let end = loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.retry.notified() => ticks.reset(),
                Ok(()) = self.secret.changed() => break End::Reconnect,
            }
            if let Err(error) = self.sample(source.as_mut()).await {
                break End::Lost(error);
            }
            if std::mem::take(&mut is_first) {
                ticks.reset_after(SECOND.min(self.target.interval));
            }
        };
        self.share(None);
        self.standing.connected = false;
        end
    }

    /// Reads one sample within its deadline. An error means that the connection is of no use any more.
    async fn sample(&mut self, source: &mut dyn Source) -> Result<(), TargetError> {
        let deadline = self.target.deadline;
        let outcome = {
            let mut reading = Box::pin(timeout(deadline, source.sample()));
            let mut heartbeat = heartbeat();
            heartbeat.reset();
            loop {
                tokio::select! {
                    outcome = &mut reading => break outcome,
                    _ = heartbeat.tick() => self.publish(),
                }
            }
        };
        match outcome {
            Ok(Ok(sample)) => {
                self.accept(sample, source);
                Ok(())
            }
            Ok(Err(error)) if source.survives(&error) => {
                self.standing.error = Some(error);
                self.publish();
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(_) if source.timed_out() => {
                self.standing.error = Some(self.no_answer(deadline));
                self.publish();
                Ok(())
            }
            Err(_) => Err(self.no_answer(deadline)),
        }
    }

    fn accept(&mut self, sample: crate::model::sample::Sample, source: &dyn Source) {
        let now = Instant::now();
        for event in self.changes.observe(&sample, now) {
            self.mailbox.event(event);
        }
        self.standing.last_sample = Some(now);
        self.standing.error = None;
        self.standing.overhead = sample.overhead;
        self.standing.description = source.describe();
        self.backoff.reset();
        self.mailbox.sample(&Arc::new(sample), self.standing.status(&self.clock, now));
    }

    fn no_answer(&self, deadline: Duration) -> TargetError {
        TargetError {
            code: None,
            message: format!("{}: {}", self.standing.opener.endpoint(), TargetError::no_answer(deadline))
                .as_str()
                .into(),
            hint: Some(
                "the server is overloaded or stopped, or the network drops packets; reading goes on".into(),
            ),
            refused: false,
            authentication: false,
        }
    }

    fn lost(&mut self, error: TargetError) {
        self.changes.lost(&error);
        let event =
            self.changes.event(self.clock.now(), EventKind::Lost, &format!("connection lost: {error}"));
        self.mailbox.event(event);
        self.standing.error = Some(error);
    }

    fn refused(&mut self, error: TargetError) {
        self.standing.connected = false;
        self.authentication_failures =
            if error.authentication { self.authentication_failures + 1 } else { 0 };
        self.standing.needs_secret = self.authentication_failures >= AUTHENTICATION_ATTEMPTS;
        self.standing.error = Some(error);
    }

    /// Waits for the next attempt, or for as long as it takes until someone gives a secret.
    async fn wait(&mut self) {
        let until = Instant::now() + self.backoff.next_wait();
        self.standing.retry_at = (!self.standing.needs_secret).then_some(until);
        let mut heartbeat = heartbeat();
        loop {
            tokio::select! {
                () = sleep_until(until), if !self.standing.needs_secret => break,
                _ = heartbeat.tick() => self.publish(),
                () = self.retry.notified() => break,
                Ok(()) = self.secret.changed() => break,
            }
        }
        self.standing.retry_at = None;
        if self.standing.needs_secret {
            self.standing.needs_secret = false;
            self.authentication_failures = 0;
        }
    }

    fn share(&self, connection: Option<Connection>) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    fn publish(&self) {
        self.mailbox.status(self.standing.status(&self.clock, Instant::now()));
    }
}

/// Ticks that never bunch up.
fn heartbeat() -> tokio::time::Interval {
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::model::event::Event;
    use crate::model::part::Missing;
    use crate::model::pooler::PoolerSample;
    use crate::model::sample::{Body, Sample};
    use crate::model::target::{Overhead, TargetKind, TargetState, TargetStatus};
    use crate::model::time::Timestamp;
    use crate::source::{Description, Reading};

    /// What a scripted target does next.
    #[derive(Clone)]
    enum Step {
        Refuse(TargetError),
        Accept(Vec<Answer>),
    }

    #[derive(Clone)]
    enum Answer {
        Sample,
        Silence,
        Fail(TargetError),
    }

    struct Script {
        steps: Mutex<VecDeque<Step>>,
        opened: Mutex<Vec<Option<String>>>,
    }

    struct Scripted(VecDeque<Answer>);

    impl Opener for Script {
        fn kind(&self) -> TargetKind {
            TargetKind::Pgbouncer
        }

        fn endpoint(&self) -> crate::source::Endpoint {
            "db1:6432".into()
        }

        fn open(&self, secret: Option<SecretString>) -> Reading<'_, Result<Box<dyn Source>, TargetError>> {
            use crate::model::secret::ExposeSecret;
            let shown = secret.map(|secret| secret.expose_secret().to_owned());
            self.opened.lock().unwrap().push(shown);
            let step = self.steps.lock().unwrap().pop_front();
            Box::pin(async move {
                match step {
                    Some(Step::Refuse(error)) => Err(error),
                    Some(Step::Accept(answers)) => Ok(Box::new(Scripted(answers.into())) as Box<dyn Source>),
                    None => std::future::pending().await,
                }
            })
        }
    }

    impl Source for Scripted {
        fn sample(&mut self) -> Reading<'_, Result<Sample, TargetError>> {
            let answer = self.0.pop_front();
            Box::pin(async move {
                match answer {
                    Some(Answer::Sample) => Ok(sample()),
                    Some(Answer::Fail(error)) => Err(error),
                    Some(Answer::Silence) | None => std::future::pending().await,
                }
            })
        }

        fn survives(&self, error: &TargetError) -> bool {
            error.code.as_deref() == Some("57014")
        }

        fn describe(&self) -> Description {
            Description { connections: 1, ..Description::default() }
        }
    }

    fn sample() -> Sample {
        let at = Timestamp::from_micros(1_795_252_800_000_000);
        let missing = Missing::new("pools", "scripted");
        let body = PoolerSample::unread(TargetKind::Pgbouncer, "scripted".into(), &missing);
        Sample {
            target: "b1".into(),
            at,
            received_at: at,
            overhead: Overhead::default(),
            body: Body::Pooler(body),
        }
    }

    fn error(code: &str, refused: bool, authentication: bool) -> TargetError {
        TargetError { code: Some(code.into()), message: code.into(), hint: None, refused, authentication }
    }

    /// A collector on a script, in time that passes only while everybody waits.
    struct Stage {
        script: Arc<Script>,
        mailbox: Mailbox,
        handle: Handle,
        _tasks: JoinSet<()>,
    }

    impl Stage {
        fn new(steps: Vec<Step>) -> Self {
            let script = Arc::new(Script { steps: Mutex::new(steps.into()), opened: Mutex::default() });
            let target = Target {
                name: "b1".into(),
                opener: Arc::clone(&script) as Arc<dyn Opener>,
                interval: Duration::from_secs(1),
                deadline: Duration::from_secs(3),
            };
            let (mailbox, mut tasks) = (Mailbox::default(), JoinSet::new());
            let clock = Clock::manual(Timestamp::from_micros(1_795_252_800_000_000));
            let handle = spawn(target, clock, mailbox.clone(), &mut tasks);
            Self { script, mailbox, handle, _tasks: tasks }
        }

        /// The first status that is as wanted, with all events and the number of samples until then.
        async fn until(&self, wanted: impl Fn(&TargetStatus) -> bool) -> (TargetStatus, Vec<Event>, usize) {
            let (mut events, mut samples) = (Vec::new(), 0);
            loop {
                let news = self.mailbox.take().await;
                events.extend(news.events);
                samples += news.samples.values().map(VecDeque::len).sum::<usize>();
                if let Some(status) = news.statuses.into_values().find(|status| wanted(status)) {
                    return (status, events, samples);
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_server_is_tried_again_with_a_visible_countdown() {
        let stage =
            Stage::new(vec![Step::Refuse(error("53300", true, false)), Step::Accept(vec![Answer::Sample])]);
        let (status, _, _) = stage.until(|status| status.retry_in.is_some()).await;
        assert_eq!(status.state, TargetState::Refused);
        assert_eq!(status.error.unwrap().code.as_deref(), Some("53300"));
        let (status, events, samples) = stage.until(|status| status.state == TargetState::Live).await;
        assert_eq!((status.error, samples), (None, 1));
        assert_eq!(events[0].kind, EventKind::Connected);
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_sample_comes_early_and_the_third_in_time() {
        let stage = Stage::new(vec![Step::Accept(vec![Answer::Sample; 3])]);
        let (mut taken, mut begun) = (Vec::new(), None);
        while taken.len() < 3 {
            let samples: usize = stage.mailbox.take().await.samples.values().map(VecDeque::len).sum();
            let begun = *begun.get_or_insert_with(Instant::now);
            taken.extend(std::iter::repeat_n(begun.elapsed().as_millis(), samples));
        }
        assert_eq!(taken, [0, 100, 1100]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_that_falls_silent_is_stale_then_lost_then_tried_again() {
        let stage = Stage::new(vec![
            Step::Accept(vec![Answer::Sample, Answer::Sample, Answer::Silence]),
            Step::Accept(vec![Answer::Sample]),
        ]);
        stage.until(|status| status.state == TargetState::Live).await;
        let (status, _, _) = stage.until(|status| status.state == TargetState::Stale).await;
        assert!(status.age.unwrap() > Duration::from_secs(3));
        let (status, events, _) = stage.until(|status| status.state == TargetState::Down).await;
        assert!(status.error.unwrap().message.contains("no answer within 3 s"));
        assert_eq!(events.last().unwrap().kind, EventKind::Lost);
        let (_, events, _) = stage.until(|status| status.state == TargetState::Live).await;
        assert!(events.iter().any(|event| event.kind == EventKind::Connected));
    }

    #[tokio::test(start_paused = true)]
    async fn two_wrong_passwords_end_the_attempts_until_someone_gives_another() {
        let wrong = Step::Refuse(error("28P01", true, true));
        let stage = Stage::new(vec![wrong.clone(), wrong, Step::Accept(vec![Answer::Sample])]);
        let (status, _, _) = stage.until(|status| status.needs_secret).await;
        assert_eq!((status.retry_in, stage.script.opened.lock().unwrap().len()), (None, 2));
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(stage.script.opened.lock().unwrap().len(), 2, "an hour later nothing was tried");
        stage.handle.give_secret("tr0ub4dor".to_owned().into());
        stage.until(|status| status.state == TargetState::Live).await;
        assert_eq!(stage.script.opened.lock().unwrap()[2].as_deref(), Some("tr0ub4dor"));
    }

    #[tokio::test(start_paused = true)]
    async fn retry_does_not_wait_for_the_countdown() {
        let down = Step::Refuse(error("", false, false));
        let stage = Stage::new(vec![down.clone(), down.clone(), down, Step::Accept(vec![Answer::Sample])]);
        let begun = Instant::now();
        for attempts in 1..=3 {
            stage.until(|status| status.retry_in.is_some()).await;
            while stage.script.opened.lock().unwrap().len() == attempts {
                stage.handle.retry();
                tokio::task::yield_now().await;
            }
        }
        stage.until(|status| status.state == TargetState::Live).await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "no wait was sat out");
    }

    #[tokio::test(start_paused = true)]
    async fn a_statement_that_the_server_ended_costs_no_connection() {
        let slow = Answer::Fail(error("57014", true, false));
        let stage = Stage::new(vec![Step::Accept(vec![Answer::Sample, slow, Answer::Sample])]);
        let (status, _, _) = stage.until(|status| status.error.is_some()).await;
        assert_eq!(status.error.unwrap().code.as_deref(), Some("57014"));
        let (_, events, samples) = stage.until(|status| status.error.is_none()).await;
        assert_eq!((events, samples), (Vec::new(), 1));
        assert_eq!(stage.script.opened.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_fails_in_the_middle_is_opened_again() {
        let failure = Answer::Fail(error("57P01", true, false));
        let stage =
            Stage::new(vec![Step::Accept(vec![Answer::Sample, failure]), Step::Accept(vec![Answer::Sample])]);
        let (_, events, _) = stage.until(|status| status.error.is_some()).await;
        assert_eq!(events.last().unwrap().kind, EventKind::Lost);
        stage.until(|status| status.state == TargetState::Live).await;
    }
}
