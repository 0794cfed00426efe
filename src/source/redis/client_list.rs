//! `CLIENT LIST`: one line for each client, `key=value` parted by spaces. Keys are found by name, because every version adds
//! some.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::lossy;
use crate::connect::APPLICATION_NAME;
use crate::model::backend::Client;
use crate::model::redis::RedisClient;
use crate::text::Text;

/// The most clients that are kept of one answer: far above the default of `maxclients`, 10,000.
const MOST: usize = 100_000;
/// The most bytes of one value; a name may be as long as its owner likes.
const LONGEST: usize = 256;

/// Who we are.
pub(super) struct Own {
    /// `CLIENT ID`, where the user may ask.
    pub(super) id: Option<u64>,
    /// Else our end of the connection.
    pub(super) end: Option<SocketAddr>,
}

/// What was read.
pub(super) struct Listed {
    /// By id, our own connection left out.
    pub(super) clients: Vec<RedisClient>,
    /// Lines that were too many, or no clients.
    pub(super) left_out: usize,
}

/// Reads a whole answer. Texts that several clients share are shared.
pub(super) fn read(answer: &[u8], own: &Own) -> Listed {
    let mut texts = Texts::default();
    let mut listed = Listed { clients: Vec::new(), left_out: 0 };
    for line in answer.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        match client(line, &mut texts) {
            Some(client) if own.is(&client) => {}
            Some(client) if listed.clients.len() < MOST => listed.clients.push(client),
            _ => listed.left_out += 1,
        }
    }
    listed.clients.sort_by_key(|client| client.id);
    listed.clients.dedup_by_key(|client| client.id);
    listed
}

impl Own {
    fn is(&self, client: &RedisClient) -> bool {
        match (self.id, self.end) {
            (Some(id), _) => client.id == id,
            (None, Some(end)) => {
                &*client.name == APPLICATION_NAME && client.client.to_string() == end.to_string()
            }
            (None, None) => false,
        }
    }
}

/// One allocation for each text of an answer.
#[derive(Default)]
struct Texts<'a>(HashMap<&'a [u8], Text>);

impl<'a> Texts<'a> {
    fn get(&mut self, raw: &'a [u8]) -> Text {
        let raw = raw.get(..LONGEST).unwrap_or(raw);
        self.0.entry(raw).or_insert_with(|| Text::line_bytes(raw)).clone()
    }
}

/// One line; `None` without an id.
fn client<'a>(line: &'a [u8], texts: &mut Texts<'a>) -> Option<RedisClient> {
    let mut client = RedisClient::default();
    let (mut id, mut library) = (None, (&b""[..], &b""[..]));
    for field in line.split(|byte| *byte == b' ') {
        let Some(at) = field.iter().position(|byte| *byte == b'=') else { continue };
        let (key, value) = (&field[..at], &field[at + 1..]);
        match key {
            b"id" => id = number(value),
            b"addr" => client.client = address(value, texts),
            b"name" => client.name = texts.get(value),
            b"user" => client.user = texts.get(value),
            b"lib-name" => library.0 = value,
            b"lib-ver" => library.1 = value,
            b"db" => client.db = count(value),
            b"age" => client.age_s = number(value).unwrap_or(0),
            b"idle" => client.idle_s = number(value).unwrap_or(0),
            b"flags" => client.flags = texts.get(value),
            b"sub" | b"psub" | b"ssub" => {
                client.subscriptions = client.subscriptions.saturating_add(count(value));
            }
            b"cmd" => client.command = texts.get(value),
            b"omem" => client.output_bytes = number(value).unwrap_or(0),
            b"tot-mem" => client.total_bytes = number(value),
            _ => {}
        }
    }
    client.id = id?;
    client.library = library_of(library);
    Some(client)
}

/// `redis-py 5.0.1`; `None` where the version of the server or the client gives none.
fn library_of((name, version): (&[u8], &[u8])) -> Option<Text> {
    let cut = |raw: &[u8]| Text::line_bytes(raw.get(..LONGEST).unwrap_or(raw));
    match (name.is_empty(), version.is_empty()) {
        (true, _) => None,
        (false, true) => Some(cut(name)),
        (false, false) => Some(Text::line(&format!("{} {}", cut(name), cut(version)))),
    }
}

/// `10.0.0.5:51234`, `[::1]:51234`; `/run/redis.sock:0` on a Unix socket, and `?:0` where the server does not know.
fn address<'a>(raw: &'a [u8], texts: &mut Texts<'a>) -> Client {
    let Some(colon) = raw.iter().rposition(|byte| *byte == b':') else { return Client::Unknown };
    let (addr, port) = (&raw[..colon], number(&raw[colon + 1..]));
    let addr = addr.strip_prefix(b"[").and_then(|addr| addr.strip_suffix(b"]")).unwrap_or(addr);
    match port.and_then(|port| u16::try_from(port).ok()) {
        _ if addr.first() == Some(&b'/') => Client::Local,
        Some(port) if !addr.is_empty() && addr != b"?" => Client::Tcp { addr: texts.get(addr), port },
        _ => Client::Unknown,
    }
}

fn number(raw: &[u8]) -> Option<u64> {
    lossy(raw).parse().ok()
}

fn count(raw: &[u8]) -> u32 {
    number(raw).map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOBODY: Own = Own { id: None, end: None };

    /// The line of 7.0 has a real server's fields; the others are constructed from what their versions document.
    const LINES: [(&str, &str, Option<&str>, Option<u64>); 5] = [
        (
            "6.0",
            "id=3 addr=127.0.0.1:51234 fd=8 name=cache age=12 idle=4 flags=N db=1 sub=0 psub=0 multi=-1 qbuf=0 \
             qbuf-free=0 argv-mem=0 obl=0 oll=0 omem=0 tot-mem=17000 events=r cmd=get user=app",
            None,
            Some(17_000),
        ),
        (
            "7.0",
            "id=3 addr=127.0.0.1:51234 laddr=127.0.0.1:54045 fd=11 name=cache age=12 idle=4 flags=N db=1 sub=0 psub=0 \
             ssub=0 multi=-1 qbuf=0 qbuf-free=20474 argv-mem=0 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 \
             tot-mem=22272 events=r cmd=get user=app redir=-1 resp=2",
            None,
            Some(22_272),
        ),
        (
            "7.2",
            "id=3 addr=127.0.0.1:51234 laddr=127.0.0.1:6379 fd=8 name=cache age=12 idle=4 flags=N db=1 sub=0 psub=0 \
             ssub=0 multi=-1 qbuf=26 omem=0 tot-mem=22298 events=r cmd=get user=app redir=-1 resp=3 \
             lib-name=redis-py lib-ver=5.0.1",
            Some("redis-py 5.0.1"),
            Some(22_298),
        ),
        (
            "7.4",
            "id=3 addr=127.0.0.1:51234 name=cache age=12 idle=4 flags=N db=1 sub=0 psub=0 ssub=0 multi=-1 watch=0 \
             qbuf=0 omem=0 tot-mem=22298 events=r cmd=get user=app redir=-1 resp=3 lib-name=jedis lib-ver=",
            Some("jedis"),
            Some(22_298),
        ),
        (
            "8.0",
            "id=3 addr=127.0.0.1:51234 name=cache age=12 idle=4 flags=N db=1 sub=0 psub=0 ssub=0 multi=-1 watch=0 \
             qbuf=0 omem=0 tot-mem=22298 events=r cmd=get user=app redir=-1 resp=3 lib-name= lib-ver= io-thread=0 \
             tot-net-in=60 tot-net-out=0 tot-cmds=0",
            None,
            Some(22_298),
        ),
    ];

    #[test]
    fn each_version_s_lines_are_read_by_their_keys() {
        for (version, line, library, total) in LINES {
            let listed = read(format!("{line}\n").as_bytes(), &NOBODY);
            assert_eq!((listed.clients.len(), listed.left_out), (1, 0), "{version}");
            let client = &listed.clients[0];
            assert_eq!((client.id, client.db, client.age_s, client.idle_s), (3, 1, 12, 4), "{version}");
            assert_eq!(
                (&*client.name, &*client.user, &*client.command),
                ("cache", "app", "get"),
                "{version}"
            );
            assert_eq!(client.client.to_string(), "127.0.0.1:51234", "{version}");
            assert_eq!((client.library.as_deref(), client.total_bytes), (library, total), "{version}");
            assert!(client.is_idle() && client.is_normal() && !client.is_pubsub(), "{version}");
        }
    }

    #[test]
    fn flags_tell_who_only_waits() {
        for (fields, blocked, pubsub, normal, idle) in [
            ("idle=9 flags=N", false, false, true, true),
            ("idle=0 flags=N", false, false, true, false),
            ("idle=9 flags=b", true, false, true, false),
            ("idle=9 flags=P sub=2", false, true, true, false),
            ("idle=9 flags=N psub=1", false, true, true, false),
            ("idle=9 flags=x", false, false, true, false),
            ("idle=9 flags=S", false, false, false, true),
            ("idle=9 flags=M", false, false, false, true),
            ("idle=9 flags=O", false, false, false, true),
        ] {
            let client = read(format!("id=1 {fields}").as_bytes(), &NOBODY).clients.remove(0);
            let got = (client.is_blocked(), client.is_pubsub(), client.is_normal(), client.is_idle());
            assert_eq!(got, (blocked, pubsub, normal, idle), "{fields}");
        }
    }

    #[test]
    fn addresses_are_those_of_the_client_s_end() {
        for (raw, shown) in [
            ("10.0.0.5:51234", "10.0.0.5:51234"),
            ("[::1]:7", "[::1]:7"),
            ("/run/redis.sock:0", "local"),
            ("?:0", "?"),
            ("", "?"),
        ] {
            let client = read(format!("id=1 addr={raw}").as_bytes(), &NOBODY).clients.remove(0);
            assert_eq!(client.client.to_string(), shown, "{raw}");
        }
    }

    #[test]
    fn our_own_connection_is_left_out_by_id_or_else_by_its_end() {
        let lines = b"id=1 addr=10.0.0.1:1 name=pooltop\nid=2 addr=10.0.0.1:2 name=pooltop\n";
        let ids =
            |own: &Own| -> Vec<u64> { read(lines, own).clients.iter().map(|client| client.id).collect() };
        assert_eq!(ids(&Own { id: Some(1), end: None }), [2]);
        assert_eq!(ids(&Own { id: None, end: "10.0.0.1:2".parse().ok() }), [1]);
        assert_eq!(ids(&NOBODY), [1, 2]);
    }

    #[test]
    fn hostile_names_are_one_clean_line_of_bounded_length_and_shared() {
        let long = "x".repeat(10_000);
        let lines = format!("id=1 name=\u{1b}[2Jred{long} user=a\nid=2 name=\u{1b}[2Jred{long} user=a\n");
        let listed = read(lines.as_bytes(), &NOBODY);
        let [first, second] = &listed.clients[..] else { panic!("two clients") };
        assert!(!first.name.contains('\u{1b}') && first.name.len() <= LONGEST);
        assert!(first.name.shares_allocation_with(&second.name));
    }

    #[test]
    fn a_hundred_thousand_clients_are_kept_and_no_more() {
        let lines: Vec<String> = (0..100_010).map(|id| format!("id={id} name=a")).collect();
        let listed = read(lines.join("\n").as_bytes(), &NOBODY);
        assert_eq!((listed.clients.len(), listed.left_out), (MOST, 10));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_no_line_becomes_two_clients(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let lines = bytes.split(|byte| *byte == b'\n').count();
            let listed = read(&bytes, &NOBODY);
            prop_assert!(listed.clients.len() + listed.left_out <= lines);
        }

        #[test]
        fn no_fields_in_any_order_panic(
            fields in prop::collection::vec("(id|addr|name|idle|flags|sub|db|omem|lib-ver)=[ -~]{0,12}", 0..20),
        ) {
            let listed = read(fields.join(" ").as_bytes(), &NOBODY);
            prop_assert!(listed.clients.len() <= 1);
            for client in &listed.clients {
                prop_assert!(client.name.len() <= LONGEST);
            }
        }
    }
}
