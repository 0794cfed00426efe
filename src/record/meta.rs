//! What a recording says about itself.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::model::time::Timestamp;
use crate::text::Text;
use crate::text::redact::Redaction;

/// What a recording says about itself. The settings of the analysis are in what it has learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// What is recorded, in a few words.
    pub title: Text,
    /// The profile, or the endpoints of an ad-hoc one.
    pub profile: Text,
    /// The profile's label, such as `PRODUCTION`.
    pub label: Option<Text>,
    /// The profile counts as production.
    pub production: bool,
    /// Version of the program that made the file.
    pub pooltop_version: Text,
    /// When it was begun, by the clock of the machine that wrote it.
    pub started_at: Timestamp,
    /// Seconds between two samples.
    pub interval_s: f64,
    /// How much faster than life the recorded application ran: 0.1 = what takes a minute took six seconds.
    pub time_scale: f64,
    /// What was taken out of statements.
    pub redaction: Redaction,
    /// Name of the time zone of whoever recorded, where it has one.
    pub time_zone: Option<Text>,
}

impl Meta {
    /// A recording by this program of something that runs in real time, as it is redacted without further words.
    pub fn new(profile: &str, started_at: Timestamp, interval_s: f64) -> Self {
        Self {
            title: profile.into(),
            profile: profile.into(),
            label: None,
            production: false,
            pooltop_version: env!("CARGO_PKG_VERSION").into(),
            started_at,
            interval_s,
            time_scale: 1.0,
            redaction: Redaction::default(),
            time_zone: None,
        }
    }

    /// Writes it into a new file.
    pub(super) async fn insert(&self, to: &mut SqliteConnection) -> sqlx::Result<()> {
        sqlx::query("INSERT INTO meta VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(self.title.as_str())
            .bind(self.profile.as_str())
            .bind(self.label.as_deref())
            .bind(self.production)
            .bind(self.pooltop_version.as_str())
            .bind(self.started_at.as_micros())
            .bind(self.interval_s)
            .bind(self.time_scale)
            .bind(self.redaction.as_str())
            .bind(self.time_zone.as_deref())
            .execute(to)
            .await
            .map(drop)
    }

    /// Reads it; `None` in a file whose writer was stopped before it wrote anything.
    pub(super) async fn select(from: &mut SqliteConnection) -> sqlx::Result<Option<Self>> {
        let row = sqlx::query("SELECT * FROM meta LIMIT 1").fetch_optional(from).await?;
        row.as_ref().map(read).transpose()
    }
}

fn read(row: &SqliteRow) -> sqlx::Result<Meta> {
    let text = |name| row.try_get::<&str, _>(name).map(Text::line);
    let maybe = |name| row.try_get::<Option<&str>, _>(name).map(|text| text.map(Text::line));
    Ok(Meta {
        title: text("title")?,
        profile: text("profile")?,
        label: maybe("label")?,
        production: row.try_get("production")?,
        pooltop_version: text("pooltop_version")?,
        started_at: Timestamp::from_micros(row.try_get("started_us")?),
        interval_s: row.try_get("interval_s")?,
        time_scale: row.try_get("time_scale")?,
        redaction: redaction(row.try_get("redaction")?)?,
        time_zone: maybe("time_zone")?,
    })
}

fn redaction(word: &str) -> sqlx::Result<Redaction> {
    let all = [Redaction::Literals, Redaction::Queries, Redaction::None];
    let known = all.into_iter().find(|redaction| redaction.as_str() == word);
    known.ok_or_else(|| sqlx::Error::Decode(format!("redaction '{}' is not known", Text::line(word)).into()))
}
