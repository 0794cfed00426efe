//! The layers of the crate, read from its imports.
