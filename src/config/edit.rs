//! Adding and removing a profile; everything else in the file stays as it is, byte for byte.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::problem::{ConfigError, suggest};
use super::read::{is_profile_name, parse};
use super::targets::holds_password;
use super::types::Access;

/// A profile to be written.
#[derive(Clone, Debug, Default)]
pub struct NewProfile {
    /// Its name.
    pub name: String,
    /// Shown in the header.
    pub label: Option<String>,
    /// Framed in the danger colour, operations by name.
    pub production: bool,
    /// What operations need, where it differs from what `production` implies.
    pub access: Option<Access>,
    /// What it connects to.
    pub targets: Vec<NewTarget>,
}

/// A target to be written.
#[derive(Clone, Debug, Default)]
pub struct NewTarget {
    /// Its name; left out where `None`.
    pub name: Option<String>,
    /// URL or keyword string. One that holds a password is refused.
    pub url: String,
    /// Prints the password.
    pub password_command: Option<Vec<String>>,
}

/// Adds a profile to the file at `path`, which may not exist yet.
pub fn add(path: &Path, profile: &NewProfile) -> Result<(), ConfigError> {
    let old = read(path)?.unwrap_or_default();
    write(path, &with_profile(path, &old, profile)?)
}

/// Removes a profile from the file at `path`.
pub fn remove(path: &Path, name: &str) -> Result<(), ConfigError> {
    let old = read(path)?.ok_or_else(|| refuse(format!("{} does not exist", path.display())))?;
    write(path, &without_profile(path, &old, name)?)
}

fn refuse(message: impl Into<String>) -> ConfigError {
    ConfigError::Edit(message.into())
}

fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::file(path, &error)),
    }
}

/// Replaces the file in one step, readable by its owner only. Behind a link, the file that it points to.
fn write(path: &Path, text: &str) -> Result<(), ConfigError> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let fail = |error: std::io::Error| ConfigError::file(&path, &error);
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(directory).map_err(fail)?;
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(fail)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
    file.persist(&path).map_err(|error| fail(error.error))?;
    Ok(())
}

/// `old` with `profile` behind its end.
fn with_profile(path: &Path, old: &str, profile: &NewProfile) -> Result<String, ConfigError> {
    let config = parse(path, old)?;
    if !is_profile_name(&profile.name) {
        return Err(refuse(format!(
            "'{}' cannot be the name of a profile: use letters, digits, '-', '_' and '.'",
            profile.name
        )));
    }
    if config.profile(&profile.name).is_some() {
        return Err(refuse(format!("profile '{}' exists already in {}", profile.name, path.display())));
    }
    if profile.targets.iter().any(|target| holds_password(&target.url)) {
        return Err(refuse(
            "a password is never written to the file: leave it out of the URL and use password_command or ~/.pgpass",
        ));
    }
    let gap = match old {
        "" => "",
        old if old.ends_with("\n\n") => "",
        old if old.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let new = format!("{old}{gap}{}", rendered(profile)?);
    let added = parse(path, &new).is_ok_and(|config| config.profile(&profile.name).is_some());
    if !added || tables(&new, Some(&profile.name)) != tables(old, None) {
        return Err(refuse(format!(
            "{} cannot be extended at its end; add the profile by hand",
            path.display()
        )));
    }
    Ok(new)
}

fn rendered(profile: &NewProfile) -> Result<String, ConfigError> {
    let name = key(&profile.name);
    let mut lines = vec![format!("[profiles.{name}]")];
    lines.extend(profile.label.iter().map(|label| format!("label = {}", string(label))));
    lines.extend(profile.production.then(|| "production = true".to_owned()));
    lines.extend(profile.access.map(|access| format!("access = \"{}\"", access.as_str())));
    for target in &profile.targets {
        lines.push(String::new());
        lines.push(format!("[[profiles.{name}.{}]]", list_of(&target.url)?));
        lines.extend(target.name.iter().map(|name| format!("name = {}", string(name))));
        lines.push(format!("url = {}", string(&target.url)));
        lines.extend(target.password_command.iter().map(|argv| {
            let words: Vec<_> = argv.iter().map(|word| string(word)).collect();
            format!("password_command = [{}]", words.join(", "))
        }));
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// Which list of a profile a URL belongs to.
fn list_of(url: &str) -> Result<&'static str, ConfigError> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.split('+').next().unwrap_or_default());
    match scheme {
        None | Some("postgres" | "postgresql") => Ok("postgres"),
        Some("pgbouncer" | "odyssey" | "pgcat" | "pgdog" | "pgpool") => Ok("poolers"),
        Some("http" | "https") => Ok("apps"),
        Some("redis" | "rediss") => Ok("redis"),
        Some(other) => Err(refuse(format!(
            "nothing is known to speak {other}://; use postgres://, pgbouncer://, redis://, rediss://, http:// or https://"
        ))),
    }
}

fn string(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn key(name: &str) -> String {
    let bare = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if bare { name.to_owned() } else { string(name) }
}

/// The document as a value, without one profile: what an edit must leave alone.
fn tables(text: &str, without: Option<&str>) -> Option<toml::Table> {
    let mut root: toml::Table = toml::from_str(text).ok()?;
    let profiles = root.get_mut("profiles").and_then(toml::Value::as_table_mut);
    if let Some(profiles) = profiles {
        if let Some(name) = without {
            profiles.remove(name);
        }
        if profiles.is_empty() {
            root.remove("profiles");
        }
    }
    Some(root)
}

/// `old` without the sections of a profile and the comments that stand directly above them.
fn without_profile(path: &Path, old: &str, name: &str) -> Result<String, ConfigError> {
    let config = parse(path, old)?;
    if config.profile(name).is_none() {
        let help = suggest(name, config.names());
        return Err(refuse(format!("no profile named '{name}' in {}; {help}", path.display())));
    }
    if config.default_profile.as_deref() == Some(name) {
        return Err(refuse(format!(
            "{name} is the default_profile of {}; change that first",
            path.display()
        )));
    }
    let mut new = String::with_capacity(old.len());
    let mut kept_to = 0;
    for (from, to) in sections_of(old, name) {
        new.push_str(&old[kept_to..from.max(kept_to)]);
        kept_to = to.max(kept_to);
    }
    new.push_str(&old[kept_to..]);
    let changed = parse(path, &new).ok().and_then(|_| tables(&new, None));
    if changed.is_none() || changed != tables(old, Some(name)) {
        let message =
            format!("{name} is not written as sections of its own in {}; remove it by hand", path.display());
        return Err(refuse(message));
    }
    Ok(new)
}

/// The byte ranges of the sections of a profile, in order.
fn sections_of(text: &str, name: &str) -> Vec<(usize, usize)> {
    let mut headers = Vec::new();
    if let Ok(root) = DeTable::parse(text) {
        collect_headers(text, root.get_ref(), &mut Vec::new(), name, &mut headers);
    }
    headers.sort_unstable();
    let starts: Vec<(usize, bool)> =
        headers.iter().map(|(at, mine)| (with_comments_above(text, line_start(text, *at)), *mine)).collect();
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([text.len()]);
    let sections = starts.iter().zip(ends).filter(|((_, mine), _)| *mine);
    sections.map(|((from, _), to)| (*from, to)).collect()
}

/// Every `[header]` of the document: where it stands, and whether it belongs to the profile.
fn collect_headers<'d>(
    text: &str,
    table: &'d DeTable<'d>,
    path: &mut Vec<&'d str>,
    name: &str,
    headers: &mut Vec<(usize, bool)>,
) {
    for (key, value) in table {
        path.push(key.get_ref());
        let mine = path.starts_with(&["profiles", name]);
        let single = std::slice::from_ref(value);
        let values = match value.get_ref() {
            DeValue::Array(array) => array.iter().as_slice(),
            _ => single,
        };
        for value in values {
            if let DeValue::Table(table) = value.get_ref() {
                let start = value.span().start;
                if text[start..].starts_with('[') {
                    headers.push((start, mine));
                }
                collect_headers(text, table, path, name, headers);
            }
        }
        path.pop();
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |at| at + 1)
}

/// Where the comment lines directly above the line at `from` begin.
fn with_comments_above(text: &str, mut from: usize) -> usize {
    while from > 0 {
        let above = line_start(text, from - 1);
        if !text[above..from].trim_start().starts_with('#') {
            break;
        }
        from = above;
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# my file
theme   =  \"dark\"   # odd blanks stay

# about a
[profiles.a]
label = \"[profiles.b]\"
[[profiles.a.postgres]]
url = \"postgres://a\"

# about b
[profiles.b]
note_follows = 1 # gone with b
";

    fn new_profile(name: &str, url: &str) -> NewProfile {
        NewProfile {
            name: name.into(),
            targets: vec![NewTarget { url: url.into(), ..NewTarget::default() }],
            ..NewProfile::default()
        }
    }

    fn file() -> String {
        FILE.replace("note_follows = 1 # gone with b", "[[profiles.b.postgres]]\nurl = \"host=b\"")
    }

    #[test]
    fn a_profile_is_added_behind_everything_else_and_can_be_removed_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/config.toml");
        let mut profile = new_profile("shop.eu", "postgres://app@db1/shop?application_name=a\"b");
        profile.label = Some("SHOP".into());
        profile.production = true;
        profile.targets.push(NewTarget {
            name: Some("bouncer".into()),
            url: "pgbouncer://stats@db1:6432".into(),
            password_command: Some(vec!["pass".into(), "show x".into()]),
        });
        for old in ["", &file(), file().trim_end()] {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, old).unwrap();
            add(&path, &profile).unwrap();
            let new = fs::read_to_string(&path).unwrap();
            assert!(new.starts_with(old));
            let config = parse(&path, &new).unwrap();
            let added = config.profile("shop.eu").unwrap();
            assert_eq!(
                (added.postgres.len(), added.poolers.len(), added.access),
                (1, 1, Access::ConfirmName)
            );
            remove(&path, "shop.eu").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap().trim_end(), old.trim_end());
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_the_owners_only_and_a_link_to_it_stays_a_link() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.toml"), dir.path().join("link.toml"));
        fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        add(&link, &new_profile("a", "postgres://db")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(&real).unwrap().contains("[profiles.a]"));
    }

    #[test]
    fn removing_takes_the_sections_and_the_comments_above_them_and_nothing_else() {
        let path = Path::new("c.toml");
        let without_a = without_profile(path, &file(), "a").unwrap();
        assert_eq!(
            without_a,
            "# my file\ntheme   =  \"dark\"   # odd blanks stay\n\n# about b\n[profiles.b]\n[[profiles.b.postgres]]\nurl = \"host=b\"\n"
        );
        let without_b = without_profile(path, &file(), "b").unwrap();
        assert_eq!(without_b, file()[..file().find("# about b").unwrap()]);
    }

    #[test]
    fn what_cannot_be_done_is_refused_and_says_why() {
        let path = Path::new("c.toml");
        let add = |old: &str, profile: &NewProfile| with_profile(path, old, profile).unwrap_err().to_string();
        let remove = |old: &str, name: &str| without_profile(path, old, name).unwrap_err().to_string();
        let inline = "profiles.a = { env_file = \".env\" }\n";
        let default = "default_profile = \"a\"\n[profiles.a]\nenv_file = \".env\"\n";
        for (message, expected) in [
            (add(&file(), &new_profile("a", "postgres://db")), "profile 'a' exists already in c.toml"),
            (add("", &new_profile("a b", "postgres://db")), "'a b' cannot be the name of a profile"),
            (add("", &new_profile("a", "postgres://u:hunter2@db")), "a password is never written"),
            (add("", &new_profile("a", "host=db password=hunter2")), "a password is never written"),
            (add("", &new_profile("a", "mysql://db")), "nothing is known to speak mysql://"),
            (
                add("profiles = {}\n", &new_profile("a", "postgres://db")),
                "c.toml cannot be extended at its end",
            ),
            (remove(&file(), "aa"), "no profile named 'aa' in c.toml; did you mean `a`?"),
            (remove(default, "a"), "a is the default_profile of c.toml"),
            (remove(inline, "a"), "a is not written as sections of its own"),
        ] {
            assert!(message.starts_with(expected), "{message}");
            assert!(!message.contains("hunter2"));
        }
    }
}
