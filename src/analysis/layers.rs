//! Each application as one line through its layers: its own pool, the pooler, the server; and where it is stuck.

mod build;
mod stuck;

pub(super) use build::{Given, lines};

use crate::model::pool::Layer;
use crate::text::Text;

/// One application through its layers. A layer that is not watched, or cannot be told to be this application's, is
/// `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerLine {
    /// The application: a declared pool's name, an application name, else `database/user`.
    pub name: Text,
    /// As the application itself reports it.
    pub application: Option<Stage>,
    /// At the poolers, all of them together.
    pub pooler: Option<Stage>,
    /// At the servers.
    pub server: Option<Stage>,
    /// Connections that the application has checked out and that are busy neither at the pooler nor, where there is
    /// none, at the server. A few are normal for a moment; held over many samples they are checked out and forgotten.
    pub checked_out_idle: Option<u32>,
    /// Where it is stuck, if it is.
    pub stuck: Option<Stuck>,
}

/// One layer of one application.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    /// Indices into the moment's pools.
    pub pools: Vec<usize>,
    /// Connections in use.
    pub used: Option<u32>,
    /// How many there may be, over all its pools; `None` as soon as one of them has no known bound.
    pub max: Option<u32>,
    /// Requests or clients queued.
    pub waiting: Option<u32>,
    /// Mean wait in the last minute, s, of the pool where it is longest.
    pub wait_avg_s: Option<f64>,
    /// How long the longest has waited, s.
    pub max_wait_s: Option<f64>,
    /// Of those used: running a statement now. Only a server tells.
    pub working: Option<u32>,
    /// Of those used: idle in transaction, aborted or not. Only a server tells.
    pub holding: Option<u32>,
    /// Of those used: waiting on a lock.
    pub blocked: u32,
    /// Open server connections at a pooler.
    pub open: Option<u32>,
    /// Other applications use the same pools: `max` is theirs together.
    pub shared: bool,
    /// Of several pools, the one that differs from the others: it alone has a queue, or is far fuller or emptier.
    pub odd: Option<usize>,
    /// One of several processes answered: the numbers are not all of the application's.
    pub one_of_several: bool,
}

/// Where an application is stuck.
#[derive(Clone, Debug, PartialEq)]
pub struct Stuck {
    /// In which layer the cause lies.
    pub layer: Layer,
    /// In words, with the numbers of all layers.
    pub why: Text,
}

impl LayerLine {
    /// The stage of a layer.
    pub fn stage(&self, layer: Layer) -> Option<&Stage> {
        match layer {
            Layer::Application => self.application.as_ref(),
            Layer::Pooler => self.pooler.as_ref(),
            Layer::Server => self.server.as_ref(),
        }
    }

    /// Points at the pools where they are after sorting.
    pub(super) fn move_pools(&mut self, order: &[usize]) {
        let stages = [&mut self.application, &mut self.pooler, &mut self.server];
        for stage in stages.into_iter().flatten() {
            for pool in stage.pools.iter_mut().chain(&mut stage.odd) {
                *pool = order.get(*pool).copied().unwrap_or_default();
            }
        }
    }
}
