//! The parts that panels and layers are drawn with. They know nothing of connections or pools.

pub mod gauge;
pub mod sparkline;
pub mod sql;
pub mod table;
