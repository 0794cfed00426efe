//! What a colour means, and which colour that is: the only place of the crate that names colours.
//!
//! Panels ask for a [`Meaning`]. A theme file says how some of them look; what it leaves out falls back along
//! [`Meaning::fallback`], so an old theme stays right when a meaning is added. Without colours (`NO_COLOR`,
//! monochrome terminals) every meaning keeps a modifier, and no meaning is carried by colour alone anywhere.

mod color;
mod file;

use std::collections::BTreeMap;
use std::path::Path;

use ratatui::style::{Modifier, Style};

pub use color::{Background, Depth, css};
pub use file::ThemeError;
use file::ThemeFile;

macro_rules! meanings {
    ($($(#[doc = $doc:literal])+ $name:ident $word:literal <- $parent:ident;)+) => {
        /// What something on the screen means. The words in theme files are these names in kebab case.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Meaning { $($(#[doc = $doc])+ $name,)+ }

        impl Meaning {
            /// Every meaning, parents first.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The word in theme files.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// Whose style it takes where a theme does not say; [`Meaning::Text`] ends the chain.
            pub fn fallback(self) -> Self {
                match self { $(Self::$name => Self::$parent,)+ }
            }
        }
    };
}

meanings! {
    /// Ordinary text, and the background of the screen.
    Text "text" <- Text;
    /// What can wait: units, labels, column heads.
    Muted "muted" <- Text;
    /// What was seen last and is no longer current.
    Stale "stale" <- Muted;
    /// The one accent: where the focus is.
    Accent "accent" <- Text;
    /// Names of panels and layers.
    Title "title" <- Text;
    /// Names of tables' columns.
    Head "head" <- Muted;
    /// Frames.
    Border "border" <- Muted;
    /// The frame that has the focus.
    Focus "focus" <- Accent;
    /// The row under the cursor.
    Selected "selected" <- Accent;
    /// A row that is marked.
    Marked "marked" <- Accent;
    /// It is lost, or will be: critical findings, refused targets, destructive buttons.
    Danger "danger" <- Text;
    /// It needs a look.
    Warning "warning" <- Text;
    /// Worth knowing.
    Notice "notice" <- Text;
    /// As it should be.
    Good "good" <- Text;
    /// The label of a production profile.
    Production "production" <- Danger;
    /// The screen does not follow the present: frozen, stepping back, replayed.
    Frozen "frozen" <- Warning;
    /// Something is paused until a person resumes it.
    Paused "paused" <- Frozen;
    /// Backends that run a statement.
    Active "active" <- Good;
    /// Backends outside a transaction.
    Idle "idle" <- Muted;
    /// Backends idle in a transaction.
    InTransaction "in-transaction" <- Warning;
    /// Backends idle in an aborted transaction.
    Aborted "aborted" <- Danger;
    /// Backends that wait on a lock.
    Blocked "blocked" <- Danger;
    /// Clients queued at a pooler.
    Queued "queued" <- Warning;
    /// The part of a gauge that is free.
    Free "free" <- Border;
    /// A key, in the footer and in help.
    Key "key" <- Accent;
    /// SQL keywords.
    Keyword "sql-keyword" <- Accent;
    /// SQL strings and numbers.
    Literal "sql-literal" <- Notice;
    /// SQL comments.
    Comment "sql-comment" <- Muted;
    /// A button.
    Button "button" <- Text;
    /// The button that Enter would press.
    ButtonFocus "button-focus" <- Selected;
    /// The letters that matched in a search.
    Match "match" <- Accent;
}

/// The themes that come with the program: name and file.
const BUILT_IN: &[(&str, &str)] = &[
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("deuteranopia", include_str!("../../themes/deuteranopia.toml")),
    ("tritanopia", include_str!("../../themes/tritanopia.toml")),
    ("terminal", include_str!("../../themes/terminal.toml")),
];

/// The theme files that can be named: the built-in ones and those of a directory.
#[derive(Clone, Debug)]
pub struct Themes(BTreeMap<String, String>);

impl Themes {
    /// Those that come with the program.
    pub fn built_in() -> Self {
        Self(BUILT_IN.iter().map(|(name, toml)| ((*name).to_owned(), (*toml).to_owned())).collect())
    }

    /// Adds every `NAME.toml` of `directory`, which may replace a built-in one. A directory that does not exist adds none.
    pub fn with_directory(mut self, directory: &Path) -> Self {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "toml")
                && let (Some(name), Ok(toml)) = (path.file_stem(), std::fs::read_to_string(&path))
            {
                self.0.insert(name.to_string_lossy().into_owned(), toml);
            }
        }
        self
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// One line on a theme, from its file.
    pub fn description(&self, name: &str) -> Option<String> {
        ThemeFile::parse(name, self.0.get(name)?).ok()?.description
    }

    /// The theme `name` in the colours that the terminal has.
    pub fn load(&self, name: &str, depth: Depth) -> Result<Theme, ThemeError> {
        let chain = self.chain(name)?;
        let mut styles = BTreeMap::new();
        let mut palette = BTreeMap::new();
        for file in chain.iter().rev() {
            palette.extend(file.palette.iter().map(|(name, color)| (name.clone(), color.clone())));
        }
        for file in chain.iter().rev() {
            file.apply(&palette, &mut styles)?;
        }
        Ok(Theme::new(name, &styles, depth))
    }

    /// The file `name` and those that it inherits from, the child first.
    fn chain(&self, name: &str) -> Result<Vec<ThemeFile>, ThemeError> {
        let mut chain: Vec<ThemeFile> = Vec::new();
        let mut next = Some(name.to_owned());
        while let Some(name) = next.take() {
            if chain.iter().any(|file| file.name == name) {
                return Err(ThemeError::Circle { name });
            }
            let toml = self.0.get(&name).ok_or_else(|| ThemeError::Unknown {
                name: name.clone(),
                known: self.names().collect::<Vec<_>>().join(", "),
            })?;
            let file = ThemeFile::parse(&name, toml)?;
            next.clone_from(&file.inherits);
            chain.push(file);
        }
        Ok(chain)
    }
}

/// How every meaning looks on this terminal.
#[derive(Clone, Debug)]
pub struct Theme {
    name: String,
    depth: Depth,
    styles: Vec<Style>,
}

impl Theme {
    fn new(name: &str, styles: &BTreeMap<Meaning, Style>, depth: Depth) -> Self {
        let resolved = Meaning::ALL.iter().map(|meaning| resolve(*meaning, styles, depth)).collect();
        Self { name: name.to_owned(), depth, styles: resolved }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The colours it was made for.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// How `meaning` looks.
    pub fn style(&self, meaning: Meaning) -> Style {
        self.styles.get(meaning as usize).copied().unwrap_or_default()
    }
}

/// The style of `meaning` along its fallbacks, in the colours of the terminal.
fn resolve(meaning: Meaning, styles: &BTreeMap<Meaning, Style>, depth: Depth) -> Style {
    let mut asked = meaning;
    while !styles.contains_key(&asked) && asked != asked.fallback() {
        asked = asked.fallback();
    }
    let style = styles.get(&asked).copied().unwrap_or_default();
    match depth {
        Depth::None => Style::default().add_modifier(monochrome(meaning)),
        // Eight colours have no shade between background and text.
        Depth::Ansi8 if matches!(meaning, Meaning::Selected | Meaning::ButtonFocus) => {
            Style::default().add_modifier(Modifier::REVERSED)
        }
        _ => {
            let text = styles.get(&Meaning::Text).copied().unwrap_or_default();
            color::visible(depth.reduce(style), depth.reduce(text))
        }
    }
}

/// What carries a meaning where there are no colours.
fn monochrome(meaning: Meaning) -> Modifier {
    match meaning {
        Meaning::Selected | Meaning::ButtonFocus | Meaning::Frozen | Meaning::Production => {
            Modifier::REVERSED
        }
        Meaning::Danger
        | Meaning::Aborted
        | Meaning::Blocked
        | Meaning::Focus
        | Meaning::Title
        | Meaning::Key => Modifier::BOLD,
        Meaning::Warning | Meaning::Marked | Meaning::InTransaction | Meaning::Queued | Meaning::Match => {
            Modifier::UNDERLINED
        }
        Meaning::Stale => Modifier::DIM,
        _ => Modifier::empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_loads_in_every_depth_and_says_what_it_is() {
        let themes = Themes::built_in();
        assert!(themes.names().count() >= 4);
        for name in themes.names() {
            for depth in Depth::ALL {
                themes.load(name, depth).unwrap_or_else(|error| panic!("{name} {depth:?}: {error}"));
            }
            assert!(themes.description(name).is_some(), "{name} has no description");
        }
    }

    #[test]
    fn in_every_theme_the_meanings_that_must_differ_do_differ() {
        let pairs = [
            (Meaning::Danger, Meaning::Good),
            (Meaning::Danger, Meaning::Text),
            (Meaning::Warning, Meaning::Text),
            (Meaning::Selected, Meaning::Text),
            (Meaning::Focus, Meaning::Border),
        ];
        let themes = Themes::built_in();
        for name in themes.names() {
            for depth in [Depth::Ansi16, Depth::Indexed, Depth::True] {
                let theme = themes.load(name, depth).unwrap();
                for (left, right) in pairs {
                    assert_ne!(theme.style(left), theme.style(right), "{name} {depth:?} {left:?} {right:?}");
                }
            }
        }
    }

    #[test]
    fn colours_are_named_nowhere_else() {
        fn visit(directory: &Path, named: &mut Vec<String>) {
            for entry in std::fs::read_dir(directory).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    visit(&path, named);
                } else if std::fs::read_to_string(&path).unwrap().contains(concat!("Color", "::")) {
                    named.push(path.file_name().unwrap().to_string_lossy().into_owned());
                }
            }
        }
        let mut named = Vec::new();
        visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui"), &mut named);
        named.sort();
        assert_eq!(named, ["color.rs"]);
    }

    #[test]
    fn without_colours_no_style_has_one_and_the_cursor_is_still_seen() {
        let theme = Themes::built_in().load("dark", Depth::None).unwrap();
        for meaning in Meaning::ALL {
            let style = theme.style(*meaning);
            assert_eq!((style.fg, style.bg), (None, None), "{meaning:?}");
        }
        assert!(theme.style(Meaning::Selected).add_modifier.contains(Modifier::REVERSED));
    }

    #[test]
    fn a_meaning_that_a_theme_leaves_out_looks_like_its_fallback() {
        let mut themes = Themes::built_in();
        themes
            .0
            .insert("mine".into(), "[meanings]\ntext = \"#111111\"\ndanger = { fg = \"#ff0000\" }".into());
        let theme = themes.load("mine", Depth::True).unwrap();
        assert_eq!(theme.style(Meaning::Blocked), theme.style(Meaning::Danger));
        assert_eq!(theme.style(Meaning::Comment), theme.style(Meaning::Text));
    }

    #[test]
    fn a_bad_theme_says_what_is_wrong_with_it() {
        for (toml, part) in [
            ("inherits = \"nowhere\"", "no theme named 'nowhere'"),
            ("inherits = \"mine\"", "inherits from itself"),
            ("[meanings]\nhorror = \"red\"", "no meaning named 'horror'"),
            ("[meanings]\ntext = \"reddish\"", "'reddish' is not a colour"),
            ("[meanings]\ntext = { fg = 3 }", "mine"),
        ] {
            let mut themes = Themes::built_in();
            themes.0.insert("mine".into(), toml.into());
            let error = themes.load("mine", Depth::True).unwrap_err().to_string();
            assert!(error.contains(part), "{toml}: {error}");
        }
    }
}
