//! A program in a pseudo-terminal, seen as a person sees it.

use std::collections::BTreeMap;
use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Mutex};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};
use vt100::{MouseProtocolMode, Parser, Screen};

use super::wait::eventually;

/// A program to be started in a terminal: with nothing of this process's environment but the path, and a home
/// directory of its own.
pub struct Launch {
    program: String,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    size: (u16, u16),
}

impl Launch {
    /// The program under test, at 120x40.
    pub fn pooltop(args: &[&str]) -> Self {
        Self::program(env!("CARGO_BIN_EXE_pooltop"), args)
    }

    /// Any program, at 120x40.
    pub fn program(program: &str, args: &[&str]) -> Self {
        let args = args.iter().map(ToString::to_string).collect();
        let path = std::env::var("PATH").unwrap_or_default();
        // A backtrace would scroll the message of a panic off the screen.
        let env = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("RUST_BACKTRACE", "0"), ("PATH", &path)];
        let env = env.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Self { program: program.to_owned(), args, env, size: (120, 40) }
    }

    /// One more variable, or another value of one.
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.env.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Another size: columns and rows.
    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        self.size = (columns, rows);
        self
    }

    /// Starts it.
    pub fn start(self) -> Terminal {
        Terminal::start(&self)
    }
}

/// A terminal with a program in it, which is ended with it.
pub struct Terminal {
    seen: Arc<Mutex<Seen>>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    reader: std::thread::JoinHandle<()>,
    home: tempfile::TempDir,
}

/// What came out of the program so far.
struct Seen {
    parser: Parser<Clipboard>,
    raw: Vec<u8>,
}

/// What the program put into the clipboard (OSC 52), still in base64.
#[derive(Default)]
struct Clipboard(Vec<Vec<u8>>);

impl vt100::Callbacks for Clipboard {
    fn copy_to_clipboard(&mut self, _: &mut Screen, _: &[u8], data: &[u8]) {
        self.0.push(data.to_owned());
    }
}

/// Keys that are more than one character, as xterm sends them.
#[derive(Clone, Copy, Debug)]
pub enum Key {
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    Enter,
    Escape,
    Tab,
    Backspace,
    /// F1 to F12.
    F(u8),
    /// Control and a letter.
    Ctrl(char),
}

impl Key {
    fn bytes(self) -> Vec<u8> {
        let text: &[u8] = match self {
            Self::Up => b"\x1b[A",
            Self::Down => b"\x1b[B",
            Self::Right => b"\x1b[C",
            Self::Left => b"\x1b[D",
            Self::Home => b"\x1b[H",
            Self::End => b"\x1b[F",
            Self::PageUp => b"\x1b[5~",
            Self::PageDown => b"\x1b[6~",
            Self::Enter => b"\r",
            Self::Escape => b"\x1b",
            Self::Tab => b"\t",
            Self::Backspace => b"\x7f",
            Self::F(number @ 1..=4) => return vec![0x1b, b'O', b'P' + number - 1],
            Self::F(number) => {
                let code = [15, 17, 18, 19, 20, 21, 23, 24][usize::from(number) - 5];
                return format!("\x1b[{code}~").into_bytes();
            }
            Self::Ctrl(letter) => return vec![letter as u8 & 0x1f],
        };
        text.to_owned()
    }
}

impl Terminal {
    fn start(launch: &Launch) -> Self {
        let (columns, rows) = launch.size;
        let pair = native_pty_system().openpty(pty_size(columns, rows)).expect("a pseudo-terminal");
        let home = tempfile::tempdir().expect("a home");
        let mut command = CommandBuilder::new(&launch.program);
        command.args(&launch.args);
        command.env_clear();
        command.env("HOME", home.path());
        command.cwd(home.path());
        for (key, value) in &launch.env {
            command.env(key, value);
        }
        let child = pair.slave.spawn_command(command).expect("the program starts");
        // Kept open here it would keep the reader from ever seeing the end.
        drop(pair.slave);
        let parser = Parser::new_with_callbacks(nonzero(rows), nonzero(columns), 0, Clipboard::default());
        let seen = Arc::new(Mutex::new(Seen { parser, raw: Vec::new() }));
        let mut output = pair.master.try_clone_reader().expect("its output");
        let sink = Arc::clone(&seen);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 16_384];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                let mut seen = sink.lock().unwrap();
                seen.parser.process(&buffer[..count]);
                seen.raw.extend_from_slice(&buffer[..count]);
            }
        });
        let keyboard = pair.master.take_writer().expect("its input");
        Self { seen, master: pair.master, keyboard, child, reader, home }
    }

    /// The program's home directory, where its configuration and state end up.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The program's process id.
    pub fn pid(&self) -> i32 {
        self.child.process_id().and_then(|pid| i32::try_from(pid).ok()).expect("a process")
    }

    /// The screen as text: one line per row, without trailing blanks.
    pub fn text(&self) -> String {
        self.look(Screen::contents)
    }

    /// Looks at the screen: cells, colours, cursor.
    pub fn look<T>(&self, at: impl FnOnce(&Screen) -> T) -> T {
        at(self.seen.lock().unwrap().parser.screen())
    }

    /// Every byte that the program wrote so far.
    pub fn output(&self) -> Vec<u8> {
        self.seen.lock().unwrap().raw.clone()
    }

    /// What it copied so far, in base64.
    pub fn copied(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().parser.callbacks().0.clone()
    }

    /// Waits until the screen is as wanted; shows it when that does not happen.
    pub fn wait_for(&self, what: &str, condition: impl Fn(&Screen) -> bool) {
        let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(what, || self.look(&condition));
        }));
        assert!(shown.is_ok(), "waited in vain for: {what}\n{}", self.text());
    }

    /// Waits until the screen shows a text.
    pub fn wait_for_text(&self, text: &str) {
        self.wait_for(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the screen no longer shows a text.
    pub fn wait_until_gone(&self, text: &str) {
        self.wait_for(&format!("no more: {text}"), |screen| !screen.contents().contains(text));
    }

    /// Types characters.
    pub fn send(&mut self, text: &str) {
        self.write(text.as_bytes());
    }

    /// Presses a key.
    pub fn press(&mut self, key: Key) {
        self.write(&key.bytes());
    }

    /// Pastes, as a terminal with bracketed paste does.
    pub fn paste(&mut self, text: &str) {
        self.write(format!("\x1b[200~{text}\x1b[201~").as_bytes());
    }

    fn write(&mut self, bytes: &[u8]) {
        self.keyboard.write_all(bytes).and_then(|()| self.keyboard.flush()).expect("typed");
    }

    /// Changes the size: columns and rows.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.seen.lock().unwrap().parser.set_size(nonzero(rows), nonzero(columns));
        self.master.resize(pty_size(columns, rows)).expect("resized");
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid()).expect("not 0"), signal).expect("signalled");
    }

    /// Waits until the program has ended and its last output was read; shows the screen when it does not end.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let mut status = None;
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually("the program ends", || {
                status = status.take().or_else(|| self.child.try_wait().expect("its status"));
                status.is_some() && self.reader.is_finished()
            });
        }));
        assert!(ended.is_ok(), "the program does not end\n{}", self.text());
        status.expect("a status")
    }

    /// What the program left changed in the terminal; empty after a clean end.
    pub fn left_behind(&self) -> Vec<&'static str> {
        let (echoes, lines) = self.line_modes();
        self.look(|screen| {
            [
                (screen.alternate_screen(), "the alternate screen"),
                (screen.bracketed_paste(), "bracketed paste"),
                (screen.mouse_protocol_mode() != MouseProtocolMode::None, "mouse reports"),
                (screen.hide_cursor(), "a hidden cursor"),
                (!echoes, "no echo"),
                (!lines, "raw mode"),
            ]
            .into_iter()
            .filter_map(|(left, what)| left.then_some(what))
            .collect()
        })
    }

    /// Whether the terminal echoes, and whether it hands over whole lines.
    fn line_modes(&self) -> (bool, bool) {
        let name = self.master.tty_name().expect("a name");
        let modes =
            tcgetattr(std::fs::File::open(name).expect("the terminal")).expect("its modes").local_modes;
        (modes.contains(LocalModes::ECHO), modes.contains(LocalModes::ICANON))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn pty_size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn nonzero(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).expect("a size above 0")
}
