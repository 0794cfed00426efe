//! Where things are, by the platform's own rules (`XDG_CONFIG_HOME`, `XDG_STATE_HOME` and their relatives).

use std::path::{Path, PathBuf};

use super::problem::ConfigError;

/// Files and directories of the user. None of them needs to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// `config.toml`.
    pub config: PathBuf,
    /// The user's own themes, beside the configuration.
    pub themes: PathBuf,
    /// What pooltop keeps between runs.
    pub state: PathBuf,
    /// The audit log.
    pub audit: PathBuf,
}

impl Paths {
    /// The platform's paths. `config` replaces that of the file (`--config`, `POOLTOP_CONFIG`), and themes are then
    /// looked for beside it.
    pub fn discover(config: Option<&Path>) -> Result<Self, ConfigError> {
        let dirs = directories::ProjectDirs::from("", "", "pooltop").ok_or_else(|| {
            ConfigError::Edit(
                "no home directory is known: set HOME, or name the file with --config".to_owned(),
            )
        })?;
        let file = config.map_or_else(|| dirs.config_dir().join("config.toml"), Path::to_owned);
        Ok(Self::new(file, dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned()))
    }

    /// Paths around a given file and a given state directory.
    pub fn new(config: PathBuf, state: PathBuf) -> Self {
        let themes = config.parent().unwrap_or(Path::new("")).join("themes");
        let audit = state.join("audit.jsonl");
        Self { config, themes, state, audit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn themes_lie_beside_the_file_and_the_audit_log_in_the_state_directory() {
        let paths = Paths::discover(Some(Path::new("/etc/pooltop/team.toml"))).unwrap();
        assert_eq!(paths.config, Path::new("/etc/pooltop/team.toml"));
        assert_eq!(paths.themes, Path::new("/etc/pooltop/themes"));
        assert_eq!(paths.audit, paths.state.join("audit.jsonl"));
    }
}
