"""What the application does with its pools: healthy traffic, a burst, and a leak."""

import collections
import sys
import threading
import time

STATEMENT = "SELECT count(*) FROM pg_class"
# One request keeps its connection for so long, s.
HOLD = "SELECT pg_sleep(0.02)"
# A burst keeps it long enough that all of it overlaps.
LONG_HOLD = "SELECT pg_sleep(0.5)"
USERS = 4
MOST = 64


class Work:
    """Everything that goes on; connections that were taken and not returned are in `held`."""

    def __init__(self, pools):
        self.pools = pools
        self.held = collections.defaultdict(list)
        self.errors = collections.Counter()
        self.stopped = threading.Event()

    def checkout(self, pool, n=1, how="transaction"):
        """Takes n connections and keeps them: in the middle of a transaction, or silently after a finished one."""
        for _ in range(min(n, MOST)):
            self._keep(pool, self.pools[pool].take(), how)

    def _keep(self, pool, connection, how):
        self.held[pool].append(connection)
        use = {"transaction": self.pools[pool].begin, "silent": self.pools[pool].finish}[how]
        use(connection, STATEMENT)

    def release(self, pool):
        """Returns all that is held of a pool."""
        while self.held[pool]:
            self.pools[pool].give(self.held[pool].pop())

    def queue(self, pool, n=1):
        """n requests that want a connection now and return it at once."""
        for _ in range(min(n, MOST)):
            self._start(self._request, pool, STATEMENT)

    def grow(self, pool, n=1, seconds=5.0):
        """A burst of n users at once that ends."""
        for _ in range(min(n, MOST)):
            self._start(self._burst, pool, time.monotonic() + seconds)

    def load(self, pool, rate=20.0):
        """Healthy traffic: so many requests a second."""
        for _ in range(USERS):
            self._start(self._traffic, pool, USERS / rate)

    def leak(self, pool, every=1.0, how="transaction"):
        """Light traffic in which one request in every so many seconds does not return its connection."""
        self.load(pool)
        self._start(self._leak, pool, every, how)

    def stop(self):
        """Ends all traffic; what is held stays so."""
        self.stopped.set()
        self.stopped = threading.Event()

    def _start(self, target, pool, *args):
        self.pools[pool]  # an unknown name is the caller's error
        threading.Thread(target=target, args=(self.stopped, pool, *args), daemon=True).start()

    def _request(self, _stopped, pool, sql):
        try:
            connection = self.pools[pool].take()
            try:
                self.pools[pool].finish(connection, sql)
            finally:
                self.pools[pool].give(connection)
        except Exception as error:  # an exhausted pool, a connection that somebody terminated
            self._failed(pool, error)

    def _burst(self, stopped, pool, end):
        self._request(stopped, pool, LONG_HOLD)
        while time.monotonic() < end and not stopped.is_set():
            self._request(stopped, pool, HOLD)

    def _traffic(self, stopped, pool, pause):
        while not stopped.wait(pause):
            self._request(stopped, pool, HOLD)

    def _leak(self, stopped, pool, every, how):
        while not stopped.wait(every):
            try:
                connection = self.pools[pool].take()
                if stopped.is_set():  # it was stopped while it waited for one
                    self.pools[pool].give(connection)
                else:
                    self._keep(pool, connection, how)
            except Exception as error:  # the pool is exhausted: there is nothing left to leak
                self._failed(pool, error)

    def _failed(self, pool, error):
        self.errors[pool] += 1
        print(f"{pool}: {type(error).__name__}: {error}", file=sys.stderr)
