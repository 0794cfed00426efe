//! One running profile.
