//! `PgBouncer` in front of one of the shop's pools, where it is installed. Without it that pool goes to the server.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::sleep;

use super::account::Account;
use super::binaries;
use super::directory::Directory;
use super::server::Access;
use super::{Options, shop};
use crate::model::secret::ExposeSecret;

/// Where packages put it besides `PATH`; Debian's directory is in no ordinary user's.
const PLACES: [&str; 4] =
    ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/opt/pgbouncer/bin", "/usr/local/opt/pgbouncer/bin"];
/// Server connections of its one pool: one less than the clients, so that hardly ever one waits.
const POOL_SIZE: u32 = 3;

/// The program, where it is installed.
pub(super) fn find(options: &Options) -> Option<PathBuf> {
    let path = std::env::split_paths(&options.path).chain(PLACES.map(PathBuf::from));
    path.map(|place| place.join("pgbouncer")).find(|file| binaries::is_program(file))
}

/// Writes its settings and the passwords it knows, both of which go with the directory.
pub(super) fn furnish(
    directory: &Directory,
    account: &Account,
    access: &Access,
    port: u16,
) -> io::Result<()> {
    let password = access.password.expose_secret();
    directory.write("users", &format!("\"web\" \"{password}\"\n\"pooltop\" \"{password}\"\n"), account)?;
    let settings = format!(
        "[databases]\n\
         {database} = host=127.0.0.1 port={server} dbname={database}\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = scram-sha-256\n\
         auth_file = {users}\n\
         admin_users = pooltop\n\
         pool_mode = transaction\n\
         default_pool_size = {POOL_SIZE}\n\
         server_login_retry = 1\n\
         ignore_startup_parameters = extra_float_digits, options\n",
        database = shop::DATABASE,
        server = access.port,
        users = directory.path().join("users").display(),
    );
    directory.write("pgbouncer.ini", &settings, account)
}

/// Whether it accepts connections, after a moment of patience. A pooler that does not is no reason to have no demo.
pub(super) async fn listens(port: u16) -> bool {
    for _ in 0..100 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
            return true;
        }
        sleep(Duration::from_millis(20)).await;
    }
    false
}
