#!/usr/bin/env python3
"""Measures pooltop beside pg_activity on one server with many backends, in one run.

    cargo build --release --example backends && cargo build --release
    python3 benches/compare/run.py [--backends 1000] [--seconds 30] [--history 0]

Per program, in a pseudo-terminal of 200x60: CPU time of the client per sample, peak resident memory, statements
and server milliseconds per sample (pg_stat_statements), connections held, time to the first full frame. A server
is started in a temporary directory on a free loopback port and stopped at the end; pg_activity comes from PyPI
into a virtual environment in target/. Samples are counted by the calls of each program's activity statement.
"""

import argparse
import fcntl
import glob
import json
import os
import platform
import pty
import pwd
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOM = 50
TICK = os.sysconf("SC_CLK_TCK")
ESCAPE = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[ -/]*[0-~])")


def newest_bin():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    if not found:
        sys.exit("compare: no PostgreSQL under /usr/lib/postgresql; apt-get install postgresql")
    return found[-1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A throwaway cluster with pg_stat_statements."""

    def __init__(self, backends):
        self.bin, self.port = newest_bin(), free_port()
        self.dir = tempfile.mkdtemp(prefix="pooltop-compare-")
        self.user = {}
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(self.dir, entry.pw_uid, entry.pw_gid)
            self.user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        data = os.path.join(self.dir, "data")
        self.run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N")
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.dir,
            "max_connections": backends + ROOM,
            "shared_preload_libraries": "pg_stat_statements",
            "pg_stat_statements.track": "all",
            "pg_stat_statements.track_planning": "on",
            "fsync": "off",
        }
        words = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        self.process = subprocess.Popen(
            [os.path.join(self.bin, "postgres"), "-D", data, *words],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.dir, **self.user)
        for _ in range(200):
            if self.sql("SELECT 1", check=False).strip() == "1":
                break
            time.sleep(0.1)
        self.sql("CREATE EXTENSION pg_stat_statements")

    def run(self, program, *words):
        subprocess.run([os.path.join(self.bin, program), *words], check=True, stdout=subprocess.DEVNULL,
                       cwd=self.dir, **self.user)

    def sql(self, text, check=True):
        done = subprocess.run(
            [os.path.join(self.bin, "psql"), "-XAtq", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres",
             "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if check and done.returncode:
            sys.exit(f"compare: {text}: {done.stderr}")
        return done.stdout

    def connections(self):
        """Client sessions without the one that counts."""
        return int(self.sql("SELECT count(*) FROM pg_stat_activity "
                            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"))

    def dsn(self):
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Terminal:
    """A program in a pseudo-terminal of 200x60 whose output is thrown away after a look at it."""

    def __init__(self, words, env):
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # Before the program looks, or its first frame would be one for another size.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
            os.execvpe(words[0], words, env)
        self.written = 0

    def read_for(self, seconds, until=()):
        """Reads for so long, or until each of `until` was written; then says how long after the start."""
        end, seen, missing = time.monotonic() + seconds, b"", list(until)
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.fd], [], [], min(left, 0.05))[0]:
                continue
            try:
                piece = os.read(self.fd, 1 << 16)
            except OSError:
                return None
            self.written += len(piece)
            # pg_activity's terminal library waits for the cursor's place.
            os.write(self.fd, b"\x1b[1;1R" * piece.count(b"\x1b[6n"))
            if until:
                seen += piece
                plain = ESCAPE.sub(b"", seen)
                missing = [pattern for pattern in missing if not re.search(pattern, plain)]
                if not missing:
                    return time.monotonic() - self.started
        return None

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self, key):
        with open(f"/proc/{self.pid}/status") as status:
            for line in status:
                if line.startswith(key):
                    return int(line.split()[1]) / 1024
        return float("nan")

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            self.read_for(0.05)
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def measure(server, name, words, env, first_frame, activity, seconds):
    """One program for `seconds` after ten seconds of settling; returns its row."""
    before = server.connections()
    terminal = Terminal(words, env)
    first = terminal.read_for(20, first_frame)
    terminal.read_for(10)
    connections = server.connections() - before
    server.sql("SELECT pg_stat_statements_reset()")
    cpu, written = terminal.cpu_seconds(), terminal.written
    terminal.read_for(seconds)
    cpu, written = terminal.cpu_seconds() - cpu, terminal.written - written
    rows = json.loads(server.sql(
        "SELECT json_agg(s) FROM (SELECT query, calls, total_exec_time + total_plan_time AS ms FROM pg_stat_statements "
        "WHERE query NOT LIKE '%pg_sleep%' AND query NOT LIKE '%pg_stat_statements_reset%' "
        ") s") or "[]") or []
    peak, now = terminal.memory("VmHWM"), terminal.memory("VmRSS")
    terminal.stop()
    samples = sum(row["calls"] for row in rows if activity in row["query"])
    if not samples:
        sys.exit(f"compare: {name} sent no statement with `{activity}`: {rows}")
    return {
        "program": name,
        "samples": samples,
        "first_full_frame_s": first and round(first, 3),
        "client_cpu_ms_per_sample": round(cpu * 1000 / samples, 2),
        "server_ms_per_sample": round(sum(row["ms"] for row in rows) / samples, 2),
        "statements_per_sample": round(sum(row["calls"] for row in rows) / samples, 2),
        "connections": connections,
        "terminal_kb_per_sample": round(written / samples / 1024, 1),
        "peak_memory_mb": round(peak, 1),
        "memory_at_end_mb": round(now, 1),
        "statements": [{"calls": row["calls"], "ms": round(row["ms"], 1), "query": " ".join(row["query"].split())[:100]}
                       for row in sorted(rows, key=lambda row: -row["ms"])],
    }


def pg_activity():
    home = os.path.join(ROOT, "target", "pg_activity")
    program = os.path.join(home, "bin", "pg_activity")
    if not os.path.exists(program):
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([os.path.join(home, "bin", "pip"), "install", "-q", "pg_activity[psycopg]==3.6.2"], check=True)
    return program


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--backends", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--history", type=int, default=0, help="also run pooltop so many seconds and report its memory")
    options = parser.parse_args()
    other, server = pg_activity(), Server(options.backends)
    load = subprocess.Popen(
        [os.path.join(ROOT, "target", "release", "examples", "backends"), server.dsn(), str(options.backends)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        load.stdout.readline()
        with tempfile.TemporaryDirectory() as home:
            env = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home}
            pooltop = [os.path.join(ROOT, "target", "release", "pooltop"), server.dsn()]
            # A frame is full when it shows sessions and, where the program knows such a thing, the limit.
            rows = [
                measure(server, "pooltop", pooltop, env, [b"BEGIN; SELECT", rb"\+3 reserved"], "pg_postmaster_start_time",
                        options.seconds),
                measure(server, "pg_activity",
                        [other, "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "-d", "postgres"],
                        env, [b"RUNNING QUERIES", b"BEGIN; SELECT"], "AS application_name", options.seconds),
            ]
            if options.history:
                terminal = Terminal(pooltop, {**env, "TERM": "xterm-256color", "LANG": "C.UTF-8"})
                terminal.read_for(options.history)
                rows.append({"program": "pooltop", "after_s": options.history,
                             "memory_mb": round(terminal.memory("VmRSS"), 1),
                             "peak_memory_mb": round(terminal.memory("VmHWM"), 1)})
                terminal.stop()
    finally:
        load.stdin.close()
        load.wait()
        server.stop()
    with open("/proc/cpuinfo") as info:
        cpu = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "?")
    print(json.dumps({"backends": options.backends, "seconds": options.seconds, "cpu": cpu, "cores": os.cpu_count(),
                      "system": platform.platform(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
