//! A profile that runs, written into the configuration.

use std::path::Path;

use super::{Running, RunningTarget, apps};
use crate::cli::exit::Failure;
use crate::config;
use crate::config::edit::{NewProfile, NewTarget};
use crate::connect::{Conninfo, Environment};
use crate::control::confirm::Access;
use crate::model::secret::ExposeSecret;

impl Running {
    /// Saves the targets that run under another name. A password is never written.
    pub fn save_as(&self, name: &str, path: &Path) -> anyhow::Result<()> {
        let urls = self.targets.iter().map(saved_url).chain(self.apps.iter().map(apps::saved_url));
        let targets = urls
            .map(|url| Ok(NewTarget { url: url?, ..NewTarget::default() }))
            .collect::<Result<_, Failure>>()?;
        let profile = NewProfile {
            name: name.to_owned(),
            label: self.label.as_deref().map(str::to_owned),
            production: self.production,
            access: Some(match self.policy.access {
                Access::ReadOnly => config::Access::ReadOnly,
                Access::Confirm => config::Access::Confirm,
                Access::ConfirmName => config::Access::ConfirmName,
            }),
            targets,
        };
        Ok(config::edit::add(path, &profile)?)
    }
}

/// How a target is written down: as it was typed, without its password; one that came from the environment, as a URL.
fn saved_url(target: &RunningTarget) -> Result<String, Failure> {
    let typed = target.dsn.expose_secret();
    let url = match typed {
        "" => Some(format!("postgres://{}@{}", target.conninfo.user(), target.conninfo.endpoint()))
            .filter(|url| leads_to(url, &target.conninfo)),
        typed => config::without_password(typed),
    };
    url.ok_or_else(|| {
        let name = &target.name;
        Failure::usage(format!(
            "target '{name}' cannot be written as a URL without a password; add the profile by hand"
        ))
    })
}

/// Whether a URL says on its own what was found out by other means; a socket's directory, for one, it does not.
fn leads_to(url: &str, conninfo: &Conninfo) -> bool {
    Conninfo::resolve(url, &Environment::empty())
        .is_ok_and(|(again, _)| again.user() == conninfo.user() && again.endpoint() == conninfo.endpoint())
}
