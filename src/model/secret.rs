//! Secrets: values that never print.

pub use secrecy::{ExposeSecret, SecretString};
