//! Where an application is stuck: rules from the top layer down, each with its sentence.

use super::{LayerLine, Stage, Stuck};
use crate::model::pool::Layer;
use crate::text::Text;
use crate::text::span::{count, span_s};

/// Connections that the application holds beyond those that are busy below it.
pub(super) fn checked_out_idle(line: &LayerLine) -> Option<u32> {
    let application = line.application.as_ref().filter(|stage| !stage.one_of_several)?;
    let below = line.pooler.as_ref().or(line.server.as_ref())?;
    Some(application.used?.saturating_sub(below.used?))
}

/// The first rule that applies.
pub(super) fn stuck(line: &LayerLine) -> Option<Stuck> {
    let found = forgotten(line)
        .or_else(|| no_server(line))
        .or_else(|| blocked(line))
        .or_else(|| held(line))
        .or_else(|| too_small(line))
        .or_else(|| own_queue(line));
    found.map(|(layer, why)| Stuck { layer, why: Text::line(&why) })
}

type Found = Option<(Layer, String)>;

/// The application's pool is used up, but half or more of what it holds is not in use below.
fn forgotten(line: &LayerLine) -> Found {
    let application = line.application.as_ref().filter(|stage| is_full(stage) || waits(stage))?;
    let (idle, used) = (line.checked_out_idle?, application.used?);
    if idle == 0 || idle * 2 < used {
        return None;
    }
    let why = format!("{}: {idle} checked out and not working", told(line));
    Some((Layer::Application, why))
}

/// Clients queue and the pooler has no connection to the server.
fn no_server(line: &LayerLine) -> Found {
    let pooler = line.pooler.as_ref().filter(|stage| waits(stage) && stage.open == Some(0))?;
    let why = format!(
        "{} wait at the pooler, which has no connection to the server: unreachable, full, or paused",
        count(pooler.waiting.unwrap_or(0), "client")
    );
    Some((Layer::Server, why))
}

/// Half or more of what is in use waits for locks.
fn blocked(line: &LayerLine) -> Found {
    let server = line.server.as_ref()?;
    let used = server.used.filter(|used| *used > 0)?;
    let full =
        [&line.application, &line.pooler].into_iter().flatten().any(|stage| is_full(stage) || waits(stage));
    (full && server.blocked * 2 >= used)
        .then(|| (Layer::Server, format!("{}: {} wait for locks", told(line), server.blocked)))
}

/// Clients queue while half or more of the connections lie idle in their transactions.
fn held(line: &LayerLine) -> Found {
    let queue = [&line.pooler, &line.application].into_iter().flatten().find(|stage| waits(stage))?;
    let server = line.server.as_ref()?;
    let (holding, used) = (server.holding?, server.used.filter(|used| *used > 0)?);
    let why = format!(
        "{}: {holding} idle in transaction while {} queued",
        told(line),
        count(queue.waiting.unwrap_or(0), "client")
    );
    (holding * 2 >= used).then_some((Layer::Application, why))
}

/// Clients queue at a pooler whose connections all work.
fn too_small(line: &LayerLine) -> Found {
    let pooler = line.pooler.as_ref().filter(|stage| waits(stage))?;
    let longest =
        pooler.max_wait_s.map(|wait| format!(", the longest for {}", span_s(wait))).unwrap_or_default();
    let clients = count(pooler.waiting.unwrap_or(0), "client");
    let why = format!("{}: {clients} queued at the pooler{longest}", told(line));
    Some((Layer::Pooler, why))
}

/// Requests queue in the application, and nothing below is the cause.
fn own_queue(line: &LayerLine) -> Found {
    let application = line.application.as_ref().filter(|stage| waits(stage))?;
    let requests = count(application.waiting.unwrap_or(0), "request");
    Some((Layer::Application, format!("{}: {requests} queued in the application's own pool", told(line))))
}

fn waits(stage: &Stage) -> bool {
    stage.waiting.is_some_and(|waiting| waiting > 0)
}

fn is_full(stage: &Stage) -> bool {
    stage.used.zip(stage.max).is_some_and(|(used, max)| max > 0 && used >= max)
}

/// `application says 10 of 10 used, pooler says 4 busy, server says 2 work`.
fn told(line: &LayerLine) -> String {
    let used = |stage: &Stage| match (stage.used, stage.max) {
        (Some(used), Some(max)) => Some(format!("{used} of {max} used")),
        (Some(used), None) => Some(format!("{used} used")),
        (None, _) => None,
    };
    let busy = |stage: &Stage| stage.used.map(|used| format!("{used} busy"));
    let work = |stage: &Stage| stage.working.map(|working| format!("{working} work"));
    let parts = [
        line.application.as_ref().and_then(used).map(|said| format!("application says {said}")),
        line.pooler.as_ref().and_then(busy).map(|said| format!("pooler says {said}")),
        line.server.as_ref().and_then(work).map(|said| format!("server says {said}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
