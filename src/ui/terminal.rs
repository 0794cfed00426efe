//! Taking the terminal over and giving it back, whatever happens in between.

use std::io::{Stdout, Write as _, stdout};
use std::panic;
#[cfg(unix)]
use std::time::Duration;

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::terminal::SetTitle;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect};

use super::state::app::App;

/// How long a stop that the process sent to itself may take to reach every thread.
#[cfg(unix)]
const STOPPED_WITHIN: Duration = Duration::from_millis(200);

/// The terminal in raw mode on its alternate screen. Dropping it gives the terminal back.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal over. A panic from here on gives it back before its message is written.
    ///
    /// The panic hook is wrapped in this order: this one, ratatui's, what was there before. So a hook that
    /// logs must be set before.
    pub fn open() -> std::io::Result<Self> {
        let terminal = ratatui::try_init()?;
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let _ = execute!(stdout(), DisableBracketedPaste);
            before(info);
        }));
        let screen = Self { terminal };
        execute!(stdout(), EnableBracketedPaste, SetTitle("pooltop"))?;
        Ok(screen)
    }

    /// Draws one frame. An error means that the terminal is gone, and must end the program: reading keys from
    /// a terminal that is gone never ends.
    pub fn draw(&mut self, app: &App) -> std::io::Result<()> {
        self.terminal.draw(|frame| app.draw(frame)).map(|_| ())
    }

    /// The size now, `(0, 0)` where the terminal does not know it yet.
    pub fn size(&self) -> (u16, u16) {
        self.terminal.size().map_or((0, 0), |size| (size.width, size.height))
    }

    /// Forgets what is on the screen, so that the next frame draws all of it.
    ///
    /// Not by `Terminal::clear`: it asks the terminal where its cursor is and waits for the answer among the keys,
    /// and a terminal that gives none would end the program.
    pub fn clear(&mut self) -> std::io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// Puts text into the terminal's clipboard (OSC 52). The terminal may refuse without saying so.
    pub fn copy(&mut self, text: &str) -> std::io::Result<()> {
        execute!(stdout(), CopyToClipboard::to_clipboard_from(text))
    }

    /// Gives the terminal to the shell, stops the process, and takes the terminal over again after `fg`.
    #[cfg(unix)]
    pub fn suspend(&mut self) -> std::io::Result<()> {
        // A cursor that a frame has hidden would stay hidden in the shell.
        self.terminal.show_cursor()?;
        restore();
        let stopped =
            rustix::process::kill_process_group(rustix::process::getpgrp(), rustix::process::Signal::TSTP);
        // The signal stops all threads, but another one may be the first to get it: taking the terminal over again
        // before it has stopped this one, too, would leave the shell without its terminal.
        std::thread::sleep(STOPPED_WITHIN);
        crossterm::terminal::enable_raw_mode()?;
        execute!(stdout(), crossterm::terminal::EnterAlternateScreen, EnableBracketedPaste)?;
        stopped?;
        self.clear()
    }

    /// There is nothing to suspend to.
    #[cfg(not(unix))]
    pub fn suspend(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back. Errors say that it is gone, and then there is nothing to give back.
fn restore() {
    let _ = execute!(stdout(), DisableBracketedPaste);
    let _ = ratatui::try_restore();
    let _ = stdout().flush();
}
