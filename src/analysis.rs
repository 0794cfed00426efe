//! Pure: history in; rates, findings, blocking tree, limits, recommendations and verdict out.

pub mod moment;

pub use moment::Moment;
