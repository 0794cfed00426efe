//! A throwaway server with a leaking application.
