//! Which of the metrics' formats a client asks for.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

use crate::export::openmetrics::Exposition;

/// Versions of OpenMetrics whose readers understand what is written.
const VERSIONS: [&str; 2] = ["1.0.0", "0.0.1"];

/// OpenMetrics where it is asked for by name and not liked less than plain text; else the format that everybody reads.
pub(super) fn exposition(headers: &HeaderMap) -> Exposition {
    let accepts = headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<Range<'_>> =
        accepts.flat_map(|accept| accept.split(',')).filter_map(Range::parse).collect();
    let best = |wanted: &dyn Fn(&Range<'_>) -> bool| {
        ranges.iter().filter(|range| wanted(range)).map(|range| range.quality).reduce(f32::max)
    };
    let modern = best(&|range| {
        range.media.eq_ignore_ascii_case("application/openmetrics-text")
            && range.version.is_none_or(|version| VERSIONS.contains(&version))
    });
    let plain = best(&|range| range.media.eq_ignore_ascii_case("text/plain"));
    let prefers = modern.filter(|quality| *quality > 0.0 && *quality >= plain.unwrap_or(0.0));
    if prefers.is_some() { Exposition::OpenMetrics } else { Exposition::Classic }
}

/// One entry of `Accept`.
struct Range<'a> {
    media: &'a str,
    version: Option<&'a str>,
    quality: f32,
}

impl<'a> Range<'a> {
    fn parse(entry: &'a str) -> Option<Self> {
        let mut parts = entry.split(';').map(str::trim);
        let media = parts.next().filter(|media| !media.is_empty())?;
        let mut range = Self { media, version: None, quality: 1.0 };
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            if key.trim().eq_ignore_ascii_case("version") {
                range.version = Some(value);
            } else if key.trim().eq_ignore_ascii_case("q") {
                range.quality = value.parse().ok().filter(|quality: &f32| (0.0..=1.0).contains(quality))?;
            }
        }
        Some(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_for_those_who_ask_for_it() {
        use Exposition::{Classic, OpenMetrics};
        for (accept, expected) in [
            ("", Classic),
            ("*/*", Classic),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Classic),
            ("text/plain", Classic),
            ("application/openmetrics-text", OpenMetrics),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", OpenMetrics),
            ("Application/OpenMetrics-Text;Version=\"1.0.0\"", OpenMetrics),
            ("application/openmetrics-text;version=2.0.0", Classic),
            ("application/openmetrics-text;version=1.0.0;q=0", Classic),
            ("application/openmetrics-text;version=1.0.0;q=0.3,text/plain;q=0.5", Classic),
            ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.5", OpenMetrics),
            // What Prometheus 2 and 3 send.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                OpenMetrics,
            ),
            ("application/openmetrics-text;q=much", Classic),
            (",;,q=;=", Classic),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(exposition(&headers), expected, "{accept}");
        }
        assert_eq!(exposition(&HeaderMap::new()), Classic);
    }
}
