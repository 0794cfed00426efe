//! What a profile's past may take in memory, and what keeps the months before it.

use crate::config::{Config, ConfigError, Profile};
use crate::model::secret::ExposeSecret as _;
use crate::source::prometheus::Prometheus;

/// Budget of the history where nothing else is said.
const BYTES: u64 = 64 << 20;

/// The budget of the history in bytes.
pub(super) fn budget(said: Option<u64>) -> usize {
    usize::try_from(said.unwrap_or(BYTES)).unwrap_or(usize::MAX)
}

/// What keeps the months: the profile's, or the file's; checked. An error shows where it stands.
pub(super) fn source(profile: &Profile, config: &Config) -> Result<Option<Prometheus>, ConfigError> {
    let Some(history) = profile.history_from.as_ref().or(config.history_from.as_ref()) else {
        return Ok(None);
    };
    let checked = Prometheus::new(history.url.value.expose_secret())
        .map_err(|why| format!("the address is {why}"))
        .and_then(|prometheus| prometheus.with_secrets(history.bearer.as_ref(), &history.headers));
    checked.map(Some).map_err(|why| config.document.error(history.url.span.clone(), &why, ""))
}
