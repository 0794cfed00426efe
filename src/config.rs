//! The configuration file, profiles, thresholds, paths.
