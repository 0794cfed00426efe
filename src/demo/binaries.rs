//! Where PostgreSQL's server programs are.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Options;

/// Directories whose children each hold one version: `(directory, path from the child to its programs)`.
const VERSIONED: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "bin"),
];

/// Directories that hold one version each: Red Hat's packages, a build from source, Linuxbrew.
const PLAIN: [&str; 4] =
    ["/usr/pgsql/bin", "/usr/local/pgsql/bin", "/usr/local/bin", "/home/linuxbrew/.linuxbrew/bin"];

/// A directory with `initdb` and `postgres` of the same version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    directory: PathBuf,
}

impl Binaries {
    /// The first place that has both programs: `PATH`, the packages' directories (newest version first), then
    /// what `pg_config` names.
    pub(super) fn find(options: &Options) -> Option<Self> {
        if let Some(directory) = &options.binaries {
            return Self::at(directory);
        }
        let path: Vec<PathBuf> = std::env::split_paths(&options.path).collect();
        let candidates = path.iter().cloned().chain(VERSIONED.iter().flat_map(versions));
        let candidates = candidates.chain(PLAIN.iter().map(PathBuf::from));
        candidates.into_iter().find_map(|directory| Self::at(&directory)).or_else(|| asked(&path))
    }

    /// The programs in `directory`, if both are there and can be run. Where they are links, the place that they
    /// lead to, because the modules are beside that.
    fn at(directory: &Path) -> Option<Self> {
        let complete = |place: &Path| ["initdb", "postgres"].iter().all(|name| is_program(&place.join(name)));
        let real = || Some(fs::canonicalize(directory.join("postgres")).ok()?.parent()?.to_owned());
        let place = || real().filter(|place| complete(place)).unwrap_or_else(|| directory.to_owned());
        complete(directory).then(|| Self { directory: place() })
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether a loadable module of this name is installed beside these programs.
    pub(super) fn has_module(&self, name: &str) -> bool {
        let Some(root) = self.directory.parent() else { return false };
        ["lib", "lib/postgresql", "lib64", "pkglib"]
            .iter()
            .flat_map(|lib| ["so", "dylib"].map(|suffix| root.join(lib).join(name).with_extension(suffix)))
            .any(|module| module.is_file())
    }
}

/// The program directories below a place that keeps several versions, newest first. Children without a
/// version in their name (other packages of Homebrew) are left out.
fn versions((place, inner): &(&str, &str)) -> Vec<PathBuf> {
    let children = fs::read_dir(place).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = children
        .filter_map(|child| {
            let version = major(child.file_name().to_str()?)?;
            Some((version, child.path().join(inner)))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, directory)| directory).collect()
}

/// The major version in a directory name: `15`, `postgresql@17`.
fn major(name: &str) -> Option<u32> {
    name.strip_prefix("postgresql@").unwrap_or(name).parse().ok()
}

/// What `pg_config` says, for a build in an unusual place.
fn asked(path: &[PathBuf]) -> Option<Binaries> {
    let program = path.iter().map(|directory| directory.join("pg_config")).find(|file| is_program(file))?;
    let answer = Command::new(program).arg("--bindir").stdin(Stdio::null()).output().ok()?;
    let directory = String::from_utf8(answer.stdout).ok()?;
    Binaries::at(Path::new(directory.trim()))
}

/// Whether it is a file that can be run.
pub(super) fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(directory: &Path, name: &str, mode: u32) {
        fs::create_dir_all(directory).unwrap();
        fs::write(directory.join(name), "").unwrap();
        fs::set_permissions(directory.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn only_a_directory_with_both_programs_will_do() {
        let root = tempfile::tempdir().unwrap();
        let (half, flat, whole) =
            (root.path().join("half"), root.path().join("flat"), root.path().join("whole"));
        program(&half, "postgres", 0o755);
        program(&flat, "postgres", 0o755);
        program(&flat, "initdb", 0o644);
        program(&whole, "postgres", 0o755);
        program(&whole, "initdb", 0o755);
        assert_eq!(Binaries::at(&half), None);
        assert_eq!(Binaries::at(&flat), None);
        let path = std::env::join_paths([&half, &flat, &whole]).unwrap();
        let options = Options { path, temporary: root.path().into(), binaries: None };
        assert_eq!(Binaries::find(&options).unwrap().directory(), whole);
        assert_eq!(Binaries::find(&Options { binaries: Some(half), ..options }), None);
    }

    #[test]
    fn versions_are_numbers_so_that_9_is_older_than_18() {
        let root = tempfile::tempdir().unwrap();
        for name in ["9", "18", "postgresql@17", "postgis", "readline"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        let found = versions(&(root.path().to_str().unwrap(), "bin"));
        let names: Vec<_> = found.iter().map(|path| path.strip_prefix(root.path()).unwrap()).collect();
        assert_eq!(names, ["18/bin", "postgresql@17/bin", "9/bin"].map(Path::new));
    }

    #[test]
    fn links_in_the_path_lead_to_the_place_with_the_modules() {
        let root = tempfile::tempdir().unwrap();
        let (bin, links) = (root.path().join("17/bin"), root.path().join("links"));
        fs::create_dir(&links).unwrap();
        for name in ["initdb", "postgres"] {
            program(&bin, name, 0o755);
            std::os::unix::fs::symlink(bin.join(name), links.join(name)).unwrap();
        }
        assert_eq!(Binaries::at(&links).unwrap().directory(), fs::canonicalize(bin).unwrap());
    }

    #[test]
    fn a_module_is_found_beside_the_programs() {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join("bin");
        program(&bin, "initdb", 0o755);
        program(&bin, "postgres", 0o755);
        let binaries = Binaries::at(&bin).unwrap();
        assert!(!binaries.has_module("pg_stat_statements"));
        program(&root.path().join("lib/postgresql"), "pg_stat_statements.so", 0o644);
        assert!(binaries.has_module("pg_stat_statements"));
    }
}
