//! Starts and stops real servers for the tests.
