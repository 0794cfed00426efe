//! Each rule fires, and does not where it nearly would.
