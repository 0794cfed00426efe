"""The application's pools: one class per client library, each with the same four verbs.

take() checks a connection out, begin() runs a statement in a transaction that stays open, finish() runs one that ends,
give() returns the connection. truth() is what the library itself says about its pool, unprocessed.
"""

import asyncio
import os
import threading
import time

import asyncpg
import psycopg_pool
import redis
import sqlalchemy


def application_name(pool):
    """What the server calls the connections of this pool: APPLICATION_NAME_FRONTEND, else its own name."""
    return os.environ.get(f"APPLICATION_NAME_{pool.upper()}", pool)


class SqlAlchemy:
    """QueuePool on psycopg. Its events are counted, as an application with an admin page does."""

    size, max_overflow = 3, 2

    def __init__(self, name, url, patience):
        self.engine = sqlalchemy.create_engine(
            url.replace("postgres://", "postgresql+psycopg://", 1),
            pool_size=self.size,
            max_overflow=self.max_overflow,
            pool_timeout=patience,
            connect_args={"application_name": application_name(name)},
        )
        self.pool = self.engine.pool
        self.lock = threading.Lock()
        self.created = self.closed = self.peak = self.waits = 0
        self.waited = 0.0
        sqlalchemy.event.listen(self.pool, "connect", lambda *_: self._count(created=1))
        sqlalchemy.event.listen(self.pool, "close", lambda *_: self._count(closed=1))
        sqlalchemy.event.listen(self.pool, "checkout", lambda *_: self._count())

    def _count(self, created=0, closed=0, waited=None):
        with self.lock:
            self.created += created
            self.closed += closed
            self.peak = max(self.peak, self.pool.checkedout())
            if waited is not None:
                self.waits += 1
                self.waited += waited

    def take(self):
        start = time.monotonic()
        connection = self.engine.connect()
        self._count(waited=time.monotonic() - start)
        return connection

    def begin(self, connection, sql):
        connection.execute(sqlalchemy.text(sql))

    def finish(self, connection, sql):
        connection.execute(sqlalchemy.text(sql))
        connection.commit()

    def give(self, connection):
        connection.close()

    def health(self):
        """What a health endpoint says, which takes a connection of the pool to prove that there is one."""
        with self.engine.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT 1"))
            pool = self.pool
            return {
                "status": "healthy",
                "pool_size": pool.size(),
                "checked_in": pool.checkedin(),
                "checked_out": pool.checkedout(),
                "overflow": pool.overflow(),
                "total_connections": pool.size() + pool.overflow(),
            }

    def admin(self):
        with self.lock:
            return {
                "active_connections": self.pool.checkedout(),
                "peak_connections": self.peak,
                "connections_created": self.created,
                "connections_closed": self.closed,
                "average_wait_time": self.waited / self.waits if self.waits else 0.0,
                "pool_size": self.pool.size(),
                "overflow": self.pool.overflow(),
            }

    def truth(self):
        pool = self.pool
        return {
            "size": pool.size(),
            "checkedin": pool.checkedin(),
            "checkedout": pool.checkedout(),
            "overflow": pool.overflow(),
            "created": self.created,
            "closed": self.closed,
            "peak": self.peak,
        }


class Loop:
    """An event loop in a thread of its own, for the library that needs one."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()


class Asyncpg:
    """asyncpg's pool. It does not tell how many wait for it, so those are counted here."""

    def __init__(self, name, url, patience, loop, least, most):
        self.loop, self.patience, self.waiting = loop, patience, 0
        self.pool = loop.run(self._open(name, url, least, most))

    async def _open(self, name, url, least, most):
        settings = {"application_name": application_name(name)}
        return await asyncpg.create_pool(url, min_size=least, max_size=most, server_settings=settings)

    def take(self):
        return self.loop.run(self._take())

    async def _take(self):
        self.waiting += 1
        try:
            return await self.pool.acquire(timeout=self.patience)
        finally:
            self.waiting -= 1

    def begin(self, connection, sql):
        self.loop.run(connection.transaction().start())
        self.finish(connection, sql)

    def finish(self, connection, sql):
        self.loop.run(connection.fetch(sql))

    def give(self, connection):
        self.loop.run(self.pool.release(connection))

    def health(self):
        size, free = self.pool.get_size(), self.pool.get_idle_size()
        return {"size": size, "free": free, "used": size - free, "waiting": self.waiting}

    def truth(self):
        pool = self.pool
        return {
            "size": pool.get_size(),
            "idle": pool.get_idle_size(),
            "min": pool.get_min_size(),
            "max": pool.get_max_size(),
            "waiting": self.waiting,
        }


class Psycopg:
    """psycopg_pool."""

    def __init__(self, name, url, patience, least, most):
        self.pool = psycopg_pool.ConnectionPool(
            url,
            min_size=least,
            max_size=most,
            timeout=patience,
            kwargs={"application_name": application_name(name)},
            open=True,
        )
        self.pool.wait()

    def take(self):
        return self.pool.getconn()

    def begin(self, connection, sql):
        connection.execute(sql)

    def finish(self, connection, sql):
        connection.execute(sql)
        connection.commit()

    def give(self, connection):
        self.pool.putconn(connection)

    def truth(self):
        return self.pool.get_stats()


class Redis:
    """redis-py: its pool raises at the bound, its blocking pool waits there."""

    def __init__(self, name, url, most, patience=None):
        options = {"max_connections": most, "client_name": application_name(name)}
        if patience is None:
            self.pool = redis.ConnectionPool.from_url(url, **options)
        else:
            self.pool = redis.BlockingConnectionPool.from_url(url, timeout=patience, **options)

    def take(self):
        return self.pool.get_connection()

    def finish(self, connection, _sql):
        connection.send_command("PING")
        connection.read_response()

    # Redis knows no transaction that a connection could be left in.
    begin = finish

    def give(self, connection):
        self.pool.release(connection)

    def admin(self):
        pool = self.pool
        if isinstance(pool, redis.BlockingConnectionPool):
            created = len(pool._connections)
            available = sum(connection is not None for connection in list(pool.pool.queue))
            used = created - available
        else:
            created = pool._created_connections
            available, used = len(pool._available_connections), len(pool._in_use_connections)
        return {"in_use_connections": used, "available_connections": available, "created_connections": created}

    def truth(self):
        return self.admin() | {"max": self.pool.max_connections}
