//! Everything about one connection: who, what, since when, whom it blocks, what it holds, its statement.

use ratatui::text::Line;

use crate::analysis::Moment;
use crate::analysis::moment::{BackendRow, Path};
use crate::model::backend::State;
use crate::model::operation::BlastRadius;
use crate::model::time::Timestamp;
use crate::text::Text;
use crate::ui::format;
use crate::ui::paint::{Paint, wrap};
use crate::ui::theme::Meaning;
use crate::ui::view::connections::state_meaning;
use crate::ui::widgets::sql;

/// What is known about the locks of a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Inspection {
    /// Not asked, or the answer is on its way.
    Pending,
    /// Nobody may look: read-only, or a recording.
    Unavailable,
    /// What was found.
    Known(BlastRadius),
    /// Why it could not be found.
    Failed(Text),
}

const LABEL: usize = 13;
/// Blockers and blocked that are named; a convoy of hundreds is for the tree.
const NAMED: usize = 6;

/// The lines for `row`, or for a connection that is gone.
pub fn lines(
    moment: &Moment,
    row: Option<&BackendRow>,
    inspection: &Inspection,
    width: u16,
    paint: &Paint<'_>,
) -> Vec<Line<'static>> {
    let Some(row) = row else {
        return vec![Line::from(paint.span("This connection is gone.", Meaning::Muted))];
    };
    let mut page = Writer { lines: Vec::new(), width: width.into(), paint };
    page.name(row);
    page.what(row);
    page.waits(moment, row);
    page.times(moment, row);
    page.locks(inspection);
    page.origin(moment, row);
    page.statement(row);
    page.lines
}

/// Lines with a label at the left.
struct Writer<'a> {
    lines: Vec<Line<'static>>,
    width: usize,
    paint: &'a Paint<'a>,
}

impl Writer<'_> {
    fn fact(&mut self, label: &str, value: &str, meaning: Meaning) {
        let room = self.width.saturating_sub(LABEL);
        for (index, text) in wrap(value, room).into_iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            self.lines.push(Line::from(vec![
                self.paint.span(format!("{label:<LABEL$}"), Meaning::Muted),
                self.paint.span(text, meaning),
            ]));
        }
    }

    fn name(&mut self, row: &BackendRow) {
        let name = format!("pid {}  {}", row.backend.pid(), row.backend.session.application_name);
        self.lines.push(Line::from(self.paint.span(name, Meaning::Title)));
    }

    fn origin(&mut self, moment: &Moment, row: &BackendRow) {
        let session = &row.backend.session;
        self.fact("user", &format!("{} on {}", session.user, session.database), Meaning::Text);
        self.fact("client", &session.client.to_string(), Meaning::Text);
        if let Some(target) = moment.targets.get(row.target) {
            let endpoint = Some(&*target.endpoint).filter(|endpoint| **endpoint != *target.name);
            self.fact("server", &format!("{} {}", target.name, endpoint.unwrap_or_default()), Meaning::Text);
        }
        if let Some(pool) = moment.pools.get(row.pool) {
            let via = if pool.pool.via_pooler { ", a pooler's server connection" } else { "" };
            self.fact("pool", &format!("{}{via}", pool.pool.name), Meaning::Text);
        }
        if let Some(path) = moment.path(row) {
            self.path(path);
        }
        if row.is_pooltop {
            self.fact("note", "another pooltop's session", Meaning::Notice);
        }
        self.lines.push(Line::default());
    }

    /// The way from the application through the pooler to this backend.
    fn path(&mut self, path: Path<'_>) {
        let client = path.client.map(|client| {
            let application =
                client.application_name.as_deref().filter(|name| !name.is_empty()).unwrap_or("(no name)");
            format!("{application} {} as {}", client.client, client.user)
        });
        let pooler = match path.server {
            Some(server) => {
                format!("{} {}/{} ({})", path.pooler.name, server.database, server.user, server.state)
            }
            None => path.pooler.name.to_string(),
        };
        let certain =
            if path.certain { "" } else { ", as the pooler last said: it may serve another by now" };
        match client {
            Some(client) => {
                self.fact("path", &format!("{client} -> {pooler} -> this backend{certain}"), Meaning::Accent);
            }
            None => self.fact("path", &format!("no client now -> {pooler} -> this backend"), Meaning::Muted),
        }
        if path.client.is_some() && path.certain {
            self.fact(
                "note",
                "ending it ends this client's connection; its pool takes another",
                Meaning::Notice,
            );
        }
    }

    fn what(&mut self, row: &BackendRow) {
        let backend = &row.backend;
        self.fact("state", backend.state.as_str(), state_meaning(backend.state));
        if let Some(wait) = &backend.wait {
            let look = if wait.is_lock() { Meaning::Blocked } else { Meaning::Text };
            self.fact("waits for", &format!("{}: {}", wait.class, wait.event), look);
        }
        if backend.has_xid {
            self.fact("note", "has a transaction id: it may have written", Meaning::Warning);
        }
        if backend.has_xmin {
            self.fact("note", "holds back vacuum", Meaning::Warning);
        }
    }

    fn times(&mut self, moment: &Moment, row: &BackendRow) {
        let (at, backend) = (moment.sampled_at(row), &row.backend);
        for (label, since) in [
            ("in state", backend.state_change),
            ("transaction", backend.xact_start),
            ("statement", backend.query_start),
            ("session", backend.id().start),
        ] {
            let text = since.map(|since: Timestamp| {
                format!("{:<7} since {}", format::age(at.age_of(since)), format::time(since, self.paint.zone))
            });
            self.fact(label, text.as_deref().unwrap_or(self.paint.glyphs.unknown), Meaning::Text);
        }
        self.lines.push(Line::default());
    }

    fn waits(&mut self, moment: &Moment, row: &BackendRow) {
        let named = |pids: &[i32]| {
            let named: Vec<_> =
                pids.iter().take(NAMED).map(|pid| describe(moment, row.target, *pid)).collect();
            named.join("\n")
        };
        if !row.blocked_by.is_empty() {
            self.fact("blocked by", &named(&row.blocked_by), Meaning::Blocked);
        }
        if !row.blocks.is_empty() {
            self.fact("blocks", &named(&row.blocks), Meaning::Warning);
        }
        let further = (row.blocks_transitively as usize).saturating_sub(row.blocks.len().min(NAMED));
        if further > 0 {
            let place = if row.blocks.len() > NAMED { "more" } else { "behind them" };
            self.fact("", &format!("and {further} {place}"), Meaning::Warning);
        }
    }

    fn locks(&mut self, inspection: &Inspection) {
        match inspection {
            Inspection::Pending => self.fact("locks", "being read", Meaning::Muted),
            Inspection::Unavailable => self.fact("locks", "not read here", Meaning::Muted),
            Inspection::Failed(why) => self.fact("locks", &format!("not known: {why}"), Meaning::Warning),
            Inspection::Known(radius) => {
                self.fact("locks", &held(radius), Meaning::Text);
                for relation in &radius.relations {
                    self.fact("", relation, Meaning::Text);
                }
                for warning in &radius.warnings {
                    self.fact("note", warning, Meaning::Warning);
                }
            }
        }
        self.lines.push(Line::default());
    }

    fn statement(&mut self, row: &BackendRow) {
        let runs = row.backend.state == State::Active;
        let label = if runs { "running statement" } else { "last statement" };
        self.lines.push(Line::from(self.paint.span(label, Meaning::Muted)));
        match &row.backend.query {
            Some(query) => self.lines.extend(sql::lines(query, self.width, self.paint)),
            None => self.fact("", "hidden from this role; GRANT pg_monitor shows it", Meaning::Muted),
        }
    }
}

/// The locks in words.
pub fn held(radius: &BlastRadius) -> String {
    let locks = radius.locks.map_or_else(|| "not known".to_owned(), |locks| format!("{locks} held"));
    match radius.advisory_locks {
        Some(advisory) if advisory > 0 => format!("{locks}, {advisory} of them advisory"),
        _ => locks,
    }
}

/// A pid with what it is.
fn describe(moment: &Moment, target: usize, pid: i32) -> String {
    if pid == 0 {
        return "a prepared transaction".to_owned();
    }
    let row = moment.backends.iter().find(|row| row.target == target && row.backend.pid() == pid);
    row.map_or_else(
        || pid.to_string(),
        |row| {
            let blocked = row.backend.waits_on_lock();
            let state = if blocked { "blocked" } else { row.backend.state.short() };
            format!("{pid} {} {state}", row.backend.session.application_name)
        },
    )
}
