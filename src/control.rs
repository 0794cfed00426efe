//! Confirming operations, carrying them out, and leaving a trace.
