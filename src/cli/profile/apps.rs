//! Applications of a profile, and those that were typed.

use std::sync::Arc;
use std::time::Duration;

use super::{Running, Surroundings};
use crate::cli::exit::Failure;
use crate::config::{self, AppTarget};
use crate::model::secret::{ExposeSecret as _, SecretString};
use crate::model::target::TargetName;
use crate::source::app::{self, Endpoint};

/// One application that can be asked.
#[derive(Clone, Debug)]
pub struct RunningApp {
    /// Its name.
    pub name: TargetName,
    /// Where and how it is asked.
    pub endpoint: Endpoint,
    /// What was typed or saved. May hold a password.
    pub url: SecretString,
    /// Time between two readings, where the profile says one.
    pub interval: Option<Duration>,
}

impl Running {
    /// Adds one that was typed.
    pub(super) fn add_typed_app(&mut self, url: &str) -> Result<(), Failure> {
        let endpoint = Endpoint::new(url).map_err(|why| Failure::usage(format!("the address is {why}")))?;
        let name = self.free_name(&endpoint.endpoint());
        let url = SecretString::from(url.to_owned());
        self.apps.push(RunningApp { name, endpoint, url, interval: None });
        Ok(())
    }

    /// Adds one of a profile. An error shows where it stands.
    pub(super) fn add_app(
        &mut self,
        target: &AppTarget,
        around: &Surroundings,
    ) -> Result<(), config::ConfigError> {
        let endpoint = Endpoint::new(target.url.value.expose_secret())
            .map_err(|why| format!("the address is {why}"))
            .and_then(|endpoint| endpoint.with_secrets(target.bearer.as_ref(), &target.headers))
            .and_then(|endpoint| endpoint.with_mapping(&target.mapping))
            .map_err(|why| around.config.document.error(target.url.span.clone(), &why, ""))?
            .with_own_probe(target.own_probe);
        let name = self.free_name(&target.name);
        let url = target.url.value.clone();
        self.apps.push(RunningApp { name, endpoint, url, interval: target.interval });
        Ok(())
    }

    /// The name, with a number where it is taken.
    pub(super) fn free_name(&self, name: &str) -> TargetName {
        let taken = |name: &str| {
            self.targets
                .iter()
                .map(|target| &target.name)
                .chain(self.apps.iter().map(|app| &app.name))
                .any(|it| &**it == name)
        };
        let numbered = (2..).map(|number| format!("{name} #{number}"));
        let name = std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken(name));
        Arc::from(name.unwrap_or_default())
    }

    /// How often an application is asked: as its profile says, else seldom, and never more often than the rest.
    pub fn asks_every(&self, app: &RunningApp) -> Duration {
        app.interval.unwrap_or_else(|| self.interval.max(app::INTERVAL))
    }
}

/// How an application is written down: as it was typed, without its password.
pub(super) fn saved_url(app: &RunningApp) -> Result<String, Failure> {
    config::without_password(app.url.expose_secret()).ok_or_else(|| {
        let name = &app.name;
        Failure::usage(format!(
            "target '{name}' cannot be written as a URL without a password; add the profile by hand"
        ))
    })
}
