//! Reaching a server: connection strings, secrets, TLS, the console client.
