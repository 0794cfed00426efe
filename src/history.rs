//! The ring buffer of samples.
