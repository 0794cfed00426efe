"""A small web application with pools of four client libraries, which its endpoints report and which can be told to leak.

    app.py --database postgres://user@127.0.0.1:5432/db [--redis redis://127.0.0.1:6379] [--workers 2]

Listens on a free loopback port, says `ready PORT` and runs until its standard input ends. With several workers
each request is answered by the next one. POOL_TIMEOUT: how long a request waits for a connection, s.
"""

import argparse
import http.server
import inspect
import json
import os
import socket
import sys
import threading
from urllib.parse import parse_qsl, urlsplit

import prometheus_client
import prometheus_client.exposition
import psycopg

import pools
from work import Work

# Whatever happens, it ends by itself after this time, s.
LIFETIME = 900


class Shop:
    """The application: its pools, what goes on in them, and its endpoints."""

    def __init__(self, database, redis):
        patience = float(os.environ.get("POOL_TIMEOUT", "30"))
        loop = pools.Loop()
        self.database = {
            "orders": pools.SqlAlchemy("orders", database, patience),
            "frontend": pools.Asyncpg("frontend", database, patience, loop, 3, 10),
            "background": pools.Asyncpg("background", database, patience, loop, 2, 8),
            "jobs": pools.Psycopg("jobs", database, patience, 2, 4),
        }
        self.redis = {
            "cache": pools.Redis("cache", redis, 15),
            "queue": pools.Redis("queue", redis, 4, patience),
        } if redis else {}
        self.patience = patience
        self.pools = self.database | self.redis
        self.work = Work(self.pools)
        self.orders = self.database["orders"]
        self.registry = self._registry()
        self.pages = {
            "/health/database": lambda _: self.orders.health(),
            "/health/asyncpg": self.health_asyncpg,
            "/stats": self.stats,
            "/health": self.health,
            "/config": self.config,
            "/psycopg": lambda _: self.database["jobs"].truth(),
            "/unhealthy": self.unhealthy,
            "/truth": self.truth,
        }

    def _registry(self):
        registry, pool = prometheus_client.CollectorRegistry(), self.orders.pool
        for name, text, value in [
            ("db_pool_size_total", "Total connection pool size", pool.size),
            ("db_pool_checked_in_connections", "Connections in the pool", pool.checkedin),
            ("db_pool_checked_out_connections", "Connections in use", pool.checkedout),
            ("db_pool_overflow_connections", "Overflow connections", pool.overflow),
        ]:
            prometheus_client.Gauge(name, text, registry=registry).set_function(value)
        return registry

    def health_asyncpg(self, query):
        """One pool where it is named, else both."""
        both = {name: self.database[name].health() for name in ("frontend", "background")}
        return both[query["pool"]] if "pool" in query else both

    def stats(self, _query):
        orders = self.orders.admin()
        advice = {
            "pool": "orders",
            "issue": "Overflow in use",
            "suggestion": f"Increase pool_size to {orders['peak_connections']}",
        }
        return {
            "database_pools": {"orders": orders},
            "redis_pools": {name: pool.admin() for name, pool in self.redis.items()},
            "recommendations": [advice] if orders["overflow"] > 0 else [],
        }

    def health(self, _query):
        return {"status": "healthy", "pools": sorted(self.pools)}

    def config(self, _query):
        orders = {"pool_size": self.orders.size, "max_overflow": self.orders.max_overflow}
        return {
            "database_pools": {"orders": orders | {"pool_timeout": self.patience}},
            "redis_pools": {name: {"max_connections": pool.pool.max_connections} for name, pool in self.redis.items()},
        }

    def unhealthy(self, _query):
        """The health of a database that is not there."""
        psycopg.connect("host=127.0.0.1 port=1 connect_timeout=5").close()

    def truth(self, _query):
        told = {name: pool.truth() for name, pool in self.pools.items()}
        held = {name: len(connections) for name, connections in self.work.held.items()}
        return told | {"worker": os.getpid(), "held": held, "errors": self.work.errors}

    def do(self, verb, query):
        """Runs `/do/checkout?pool=orders&n=2`: the arguments have the types of the method's defaults."""
        method = getattr(self.work, verb)
        defaults = inspect.signature(method).parameters
        kinds = {name: str if at.default is at.empty else type(at.default) for name, at in defaults.items()}
        method(**{name: kinds[name](value) for name, value in query.items()})
        return self.truth(query)


VERBS = {"checkout", "release", "queue", "grow", "load", "leak", "stop"}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        shop = self.server.shop
        if url.path == "/metrics":
            encode, kind = prometheus_client.exposition.choose_encoder(self.headers.get("Accept", ""))
            self.answer(200, encode(shop.registry), kind)
        elif url.path in shop.pages:
            self.guarded(lambda: shop.pages[url.path](query))
        else:
            self.json(404, {"detail": "Not Found"})

    def do_POST(self):
        url = urlsplit(self.path)
        verb = url.path.removeprefix("/do/")
        if verb in VERBS:
            self.guarded(lambda: self.server.shop.do(verb, dict(parse_qsl(url.query))))
        else:
            self.json(404, {"detail": "Not Found"})

    def guarded(self, page):
        try:
            self.json(200, page())
        except Exception as error:
            self.json(503, {"status": "unhealthy", "error": str(error) or type(error).__name__})

    def json(self, status, value):
        self.answer(status, json.dumps(value).encode(), "application/json")

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """One worker: takes a connection when it is its turn, which a byte in its pipe says."""

    daemon_threads = True

    def __init__(self, listener, shop, my_turn, next_turn):
        super().__init__(listener.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.shop, self.my_turn, self.next_turn = shop, my_turn, next_turn

    def get_request(self):
        os.read(self.my_turn, 1)
        try:
            return self.socket.accept()
        finally:
            os.write(self.next_turn, b".")


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", required=True)
    parser.add_argument("--redis")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()

    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    turns = [os.pipe() for _ in range(options.workers)]
    ready, told_ready = os.pipe()
    # The first worker is this process. Each of them sees the end of the same standard input.
    me = next((index for index in range(1, options.workers) if os.fork() == 0), 0)
    threading.Thread(target=end_with_input, daemon=True).start()
    lifetime = threading.Timer(LIFETIME, os._exit, [1])
    lifetime.daemon = True
    lifetime.start()
    shop = Shop(options.database, options.redis)
    server = Server(listener, shop, turns[me][0], turns[(me + 1) % options.workers][1])
    if me == 0:
        for _ in range(1, options.workers):
            os.read(ready, 1)
        os.write(turns[0][1], b".")
        print(f"ready {listener.getsockname()[1]}", flush=True)
    else:
        os.write(told_ready, b".")
    server.serve_forever()


if __name__ == "__main__":
    main()
