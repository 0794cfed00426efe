//! `~/.pgpass`: one `host:port:database:user:password` per line.

use std::path::Path;

use super::conninfo::Place;
use crate::model::secret::SecretString;

/// What a line must match.
pub(super) struct Wanted<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// The name by which a host stands in the file: default Unix sockets are `localhost`, as in libpq.
pub(super) fn host_name(place: &Place) -> &str {
    match place {
        Place::Default => "localhost",
        Place::Name(name) => name,
        Place::Unix(directory) => match directory.to_str() {
            None | Some("/var/run/postgresql" | "/run/postgresql" | "/tmp") => "localhost",
            Some(path) => path,
        },
    }
}

/// The password of the first line that matches. A missing file is no error; one that others may read is not used.
pub(super) fn look_up(file: &Path, wanted: &Wanted<'_>) -> Result<Option<SecretString>, String> {
    let about = match std::fs::metadata(file) {
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if !about.is_file() {
        return Err("it is not a plain file".to_owned());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(format!("its permissions are {mode:04o}; chmod 600 it"));
        }
    }
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    Ok(find(&text, wanted).map(SecretString::from))
}

/// The first matching line's password. Lines that are not UTF-8 match nothing.
fn find(text: &[u8], wanted: &Wanted<'_>) -> Option<String> {
    text.split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)).ok())
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| matching(line, wanted))
}

fn matching(line: &str, wanted: &Wanted<'_>) -> Option<String> {
    let port = wanted.port.to_string();
    let mut rest = line;
    for value in [wanted.host, &port, wanted.database, wanted.user] {
        let (field, after) = field(rest);
        if rest.get(..1) != Some("*") || field != "*" {
            (field == value).then_some(())?;
        }
        rest = after?;
    }
    // libpq takes the rest of the line up to an unescaped colon.
    let password = field(rest).0;
    (!password.is_empty()).then_some(password)
}

/// One field with `\:` and `\\` resolved, and what follows its colon.
fn field(line: &str) -> (String, Option<&str>) {
    let mut value = String::new();
    let mut rest = line.char_indices();
    while let Some((at, c)) = rest.next() {
        match c {
            '\\' => value.extend(rest.next().map(|(_, escaped)| escaped)),
            ':' => return (value, line.get(at + 1..)),
            c => value.push(c),
        }
    }
    (value, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_matching_line_gives_the_password() {
        let wanted = Wanted { host: "db1", port: 5432, database: "shop", user: "ann" };
        for (line, password) in [
            ("db1:5432:shop:ann:pw", Some("pw")),
            ("*:*:*:*:pw", Some("pw")),
            ("*:*:*:ann:p\\:w\\\\x", Some("p:w\\x")),
            ("db1:5432:shop:bob:pw", None),
            ("db1:5433:*:*:pw", None),
            ("#db1:5432:shop:ann:pw", None),
            ("db1:5432:shop:ann", None),
            ("db1:5432:shop:ann:", None),
            ("other:*:*:*:no\ndb1:5432:shop:ann:first\n*:*:*:*:second", Some("first")),
            ("db1:5432:shop:ann:pw\r\n", Some("pw")),
            ("\\*:*:*:*:pw", None),
            ("d*:*:*:*:pw", None),
        ] {
            assert_eq!(find(line.as_bytes(), &wanted).as_deref(), password, "{line:?}");
        }
    }

    #[test]
    fn escapes_and_odd_names_match() {
        let wanted = Wanted { host: "::1", port: 1, database: "a\\b", user: "ü" };
        assert_eq!(find("\\:\\:1:1:a\\\\b:ü:pw".as_bytes(), &wanted).as_deref(), Some("pw"));
        assert_eq!(find(b"\xff\xfe:*:*:*:no\n*:*:*:*:yes", &wanted).as_deref(), Some("yes"));
    }

    #[test]
    fn a_default_socket_directory_is_localhost_and_another_one_its_path() {
        for (place, name) in [
            (Place::Default, "localhost"),
            (Place::Unix("/var/run/postgresql".into()), "localhost"),
            (Place::Unix("/srv/pg".into()), "/srv/pg"),
            (Place::Name("db1".into()), "db1"),
        ] {
            assert_eq!(host_name(&place), name);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pgpass");
        std::fs::write(&file, "*:*:*:*:pw\n").unwrap();
        let wanted = Wanted { host: "h", port: 1, database: "d", user: "u" };
        let set = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        set(0o644);
        assert!(look_up(&file, &wanted).unwrap_err().contains("0644"));
        set(0o600);
        assert!(look_up(&file, &wanted).unwrap().is_some());
        assert!(look_up(&directory.path().join("none"), &wanted).unwrap().is_none());
        assert!(look_up(directory.path(), &wanted).is_err());
    }
}
