//! Reading one kind of target.
