//! Reading the file, and what is odd about the file itself.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::problem::ConfigError;
use super::read::parse;
use super::targets::holds_password;
use super::types::{Config, HistorySource, Profile};
use crate::model::secret::{ExposeSecret, SecretString};

/// Reads the file at `path`; `None` where there is none.
pub fn load(path: &Path) -> Result<Option<Config>, ConfigError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ConfigError::file(path, &error)),
    };
    let text = String::from_utf8(bytes).map_err(|error| ConfigError::File {
        path: path.to_owned(),
        message: format!("not UTF-8 from byte {} on", error.utf8_error().valid_up_to()),
    })?;
    let mut config = parse(path, &text)?;
    let shared = config.history_from.as_ref().is_some_and(history_holds_secret);
    if is_open_to_others(path) && (shared || config.profiles.iter().any(holds_secret)) {
        let notice = format!("{0} holds a secret and others can read it: chmod 600 {0}", path.display());
        config.notices.push(notice.as_str().into());
    }
    Ok(Some(config))
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

fn holds_secret(profile: &Profile) -> bool {
    let has_password = |url: &SecretString| holds_password(url.expose_secret());
    profile.history_from.as_ref().is_some_and(history_holds_secret)
        || profile.postgres.iter().any(|target| has_password(&target.url.value))
        || profile.poolers.iter().any(|target| has_password(&target.url.value))
        || profile.redis.iter().any(|target| has_password(&target.url.value))
        || profile
            .apps
            .iter()
            .any(|app| app.bearer.is_some() || !app.headers.is_empty() || has_password(&app.url.value))
}

fn history_holds_secret(history: &HistorySource) -> bool {
    history.bearer.is_some()
        || !history.headers.is_empty()
        || holds_password(history.url.value.expose_secret())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_does_not_exist_is_no_error_and_one_that_is_no_text_is() {
        let dir = tempfile::tempdir().unwrap();
        assert!(load(&dir.path().join("none.toml")).unwrap().is_none());
        let binary = dir.path().join("binary.toml");
        fs::write(&binary, b"theme = \"\xff\"").unwrap();
        let message = load(&binary).unwrap_err().to_string();
        assert_eq!(message, format!("{}: not UTF-8 from byte 9 on", binary.display()));
    }

    #[cfg(unix)]
    #[test]
    fn a_password_in_a_file_that_others_can_read_is_a_notice() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        for (url, mode, notices) in [
            ("postgres://app:secret@db1/shop", 0o644, 1),
            ("postgres://app:secret@db1/shop", 0o600, 0),
            ("postgres://app@db1/shop", 0o644, 0),
        ] {
            fs::write(&path, format!("[[profiles.a.postgres]]\nurl = \"{url}\"\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let config = load(&path).unwrap().unwrap();
            assert_eq!(config.notices.len(), notices, "{url} {mode:o}");
            assert!(!format!("{config:?}").contains("secret@"));
        }
    }
}
