//! One task per target: tick, deadline, back-off.
