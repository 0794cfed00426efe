//! Who runs the throwaway server.

use std::fs;
use std::io;
use std::path::Path;

use tokio::process::Command;

use super::DemoError;

/// The user whose process the server is: ourselves, or an unprivileged one when we are root, because
/// PostgreSQL refuses to run as root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
    switched: bool,
}

impl Account {
    /// Ourselves; for root `postgres`, else `nobody`.
    pub(super) fn choose() -> Result<Self, DemoError> {
        let uid = rustix::process::geteuid();
        if !uid.is_root() {
            let gid = rustix::process::getegid();
            return Ok(Self { uid: uid.as_raw(), gid: gid.as_raw(), switched: false });
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let (uid, gid) = ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| entry(&passwd, name))
            .ok_or(DemoError::NoAccount)?;
        Ok(Self { uid, gid, switched: true })
    }

    /// The user's number.
    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// Whether it is another user than ours, so that what we make has to be handed over.
    pub(super) fn is_switched(&self) -> bool {
        self.switched
    }

    /// Lets `command` run as this user, without root's supplementary groups.
    pub(super) fn run(&self, command: &mut Command) {
        if self.switched {
            command.uid(self.uid).gid(self.gid);
        }
    }

    /// Hands a file or directory that we made to this user.
    pub(super) fn take_over(&self, path: &Path) -> io::Result<()> {
        if self.switched {
            std::os::unix::fs::lchown(path, Some(self.uid), Some(self.gid))?;
        }
        Ok(())
    }
}

/// User and group number of `name`; never root's, whatever the file says.
fn entry(passwd: &str, name: &str) -> Option<(u32, u32)> {
    let fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields.into_iter().find(|fields| fields.first() == Some(&name))?;
    let uid = found.get(2)?.parse().ok()?;
    let gid = found.get(3)?.parse().ok()?;
    (uid != 0).then_some((uid, gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_file_names_user_and_group_and_never_root() {
        let file =
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533:n:/:/sbin/nologin\ntoor:x:0:0::/:\nbad:x\n";
        for (name, expected) in [
            ("nobody", Some((65534, 65533))),
            ("postgres", None),
            ("root", None),
            ("toor", None),
            ("bad", None),
            ("", None),
        ] {
            assert_eq!(entry(file, name), expected, "{name}");
        }
    }
}
