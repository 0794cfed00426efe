//! Label sets: values from outside, cut so that nobody's name can make a scrape large.

use std::borrow::Cow;

use prometheus_client::encoding::{EncodeLabel as _, EncodeLabelSet, LabelSetEncoder};

/// The most characters of a value: enough for every name that PostgreSQL allows (63 bytes), twice.
const MOST: usize = 128;

/// The labels that a thing has in each of its series, in this order.
pub(super) type Labels = Vec<(&'static str, String)>;

/// The labels of one series: those of the thing, and what tells this series from its others.
#[derive(Clone, Debug)]
pub(super) struct Series<'a> {
    pub(super) base: &'a [(&'static str, String)],
    pub(super) extra: Vec<(&'static str, Cow<'a, str>)>,
}

impl EncodeLabelSet for Series<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        for (key, value) in self.base {
            (*key, value.as_str()).encode(encoder.encode_label())?;
        }
        for (key, value) in &self.extra {
            (*key, value.as_ref()).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

/// A name from outside as the value of a label. Control characters it cannot hold; the encoder escapes quotes,
/// backslashes and line feeds.
pub(super) fn value(name: &str) -> String {
    match name.char_indices().nth(MOST) {
        None => name.to_owned(),
        Some(_) => name.chars().take(MOST - 1).chain(['…']).collect(),
    }
}
