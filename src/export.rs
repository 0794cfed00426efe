//! Snapshots in files, one module per format.
