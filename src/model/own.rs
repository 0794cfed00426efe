//! Which sessions on a server are this very process's own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::backend::BackendId;

/// The sessions that this process has opened on one server, known by pid and start, never by a name, which anyone can take.
///
/// Clones share one list: the sampling and the operations connection enter themselves in it. A session that has left stays
/// known until the server no longer shows it, because after a lost network the server may keep it for a while.
#[derive(Clone, Debug, Default)]
pub struct OwnSessions(Arc<Mutex<HashMap<BackendId, Standing>>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Open,
    Left,
}

/// One session in the list; dropping it says that its connection is gone at this end.
#[derive(Debug)]
pub struct Membership {
    sessions: OwnSessions,
    id: BackendId,
}

impl OwnSessions {
    /// Enters a session that has just been opened.
    ///
    /// Not for one behind a pooler: that backend serves the application between two of our statements.
    pub fn enter(&self, id: BackendId) -> Membership {
        self.lock().insert(id, Standing::Open);
        Membership { sessions: self.clone(), id }
    }

    /// Whether the session is or was ours.
    pub fn contains(&self, id: BackendId) -> bool {
        self.lock().contains_key(&id)
    }

    /// How many are open at this end.
    pub fn open(&self) -> usize {
        self.lock().values().filter(|standing| **standing == Standing::Open).count()
    }

    /// Whether the connection of the session is gone at this end, while the server may still show it.
    pub fn has_left(&self, id: BackendId) -> bool {
        self.lock().get(&id) == Some(&Standing::Left)
    }

    /// Forgets those that have left and that the server no longer shows.
    pub fn forget_all_but(&self, shown: &[BackendId]) {
        self.lock().retain(|id, standing| *standing == Standing::Open || shown.contains(id));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BackendId, Standing>> {
        // A list of plain values is whole after every panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.sessions.lock().insert(self.id, Standing::Left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_left_is_ours_until_the_server_no_longer_shows_it() {
        let sessions = OwnSessions::default();
        let id = BackendId { pid: 7, start: None };
        let membership = sessions.enter(id);
        sessions.forget_all_but(&[]);
        assert!(sessions.contains(id) && sessions.open() == 1, "an open one is never forgotten");
        drop(membership);
        sessions.forget_all_but(&[id]);
        assert!(sessions.has_left(id) && sessions.open() == 0);
        sessions.forget_all_but(&[]);
        assert!(!sessions.contains(id));
    }
}
