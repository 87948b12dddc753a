"""Stores that watch each request on its way.

To count them, to die at one of them, to send one twice, to let another client work before one of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from threading import Condition, Event, Lock, Thread
from time import sleep
from typing import TypeVar

from flashflood import FlashFlood
from flashflood.store import Found, Page, SqliteStore, Store, Unused

Body = bytes | bytearray | memoryview
Answer = TypeVar("Answer")

WRITES = {"put", "create", "create_unused", "delete", "mark_garbage"}


class Watched:
    """A store whose every request goes through `request`."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.name = store.name
        self.address = store.address
        self.workers = store.workers
        self.is_near = store.is_near
        self.keys_per_listing = store.keys_per_listing
        self.root_prefix = store.root_prefix

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        """Do one request: `send` sends it and gives the answer."""
        raise NotImplementedError

    def get(self, key: str, start: int | None = None, stop: int | None = None, /) -> Found | None:
        return self.request("get", key, lambda: self.store.get(key, start, stop))

    def head(self, key: str, /) -> Found | None:
        return self.request("head", key, lambda: self.store.head(key))

    def put(
        self,
        key: str,
        body: Body | Iterable[bytes],
        /,
        *,
        metadata: Mapping[str, str] | None = None,
        garbage: bool = False,
    ) -> None:
        self.request("put", key, lambda: self.store.put(key, body, metadata=metadata, garbage=garbage))

    def create(self, key: str, body: Body, /, *, metadata: Mapping[str, str] | None = None) -> bool:
        return self.request("create", key, lambda: self.store.create(key, body, metadata=metadata))

    def create_unused(self, objects: Sequence[Unused], /) -> list[bool]:
        """One request where the store does it in one; others do nothing."""
        if not isinstance(self.store, SqliteStore):
            return self.store.create_unused(objects)
        keys = ", ".join(one.key for one in objects)
        return self.request("create_unused", keys, lambda: self.store.create_unused(objects))

    def delete(self, keys: Sequence[str], /) -> None:
        self.request("delete", ", ".join(keys), lambda: self.store.delete(keys))

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        return self.request("list", prefix, lambda: self.store.list(prefix, after))

    def mark_garbage(self, key: str, /) -> bool:
        return self.request("mark_garbage", key, lambda: self.store.mark_garbage(key))

    def url(self, key: str, /) -> str:
        """No request: a URL is made without one."""
        return self.store.url(key)

    def flush(self) -> None:
        """No request either, nor is the next."""
        self.store.flush()

    def give_back(self) -> None:
        self.store.give_back()

    def close(self) -> None:
        self.store.close()

    def damage(self) -> Sequence[str]:
        """No request: S3 and a folder make none."""
        return self.store.damage()


class Counted(Watched):
    """Remembers its requests: `requests` holds (method, key), in the order of their sending."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.requests: list[tuple[str, str]] = []

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        self.requests.append((method, key))
        return send()

    @property
    def writes(self) -> list[tuple[str, str]]:
        """The requests that change something."""
        return [request for request in self.requests if request[0] in WRITES]


class Short(Watched):
    """Gives listings in pages of so many keys."""

    def __init__(self, store: Store, size: int) -> None:
        super().__init__(store)
        self._size = size

    def request(self, _method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        return send()

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        page = super().list(prefix, after)
        return Page(page.entries[: self._size], page.more or len(page.entries) > self._size, page.date)


class Death(BaseException):
    """The client is dead. Not an `Exception`, so that nothing on the way up can go on working."""


class Mortal(Watched):
    """The store of a client that dies at request number `last` (from 1): before sending it, or once it is done.

    No later request is sent. `died` says whether it came to that.
    """

    def __init__(self, store: Store, last: int, *, answer_lost: bool) -> None:
        super().__init__(store)
        self.last = last
        self.answer_lost = answer_lost
        self.died = False
        self._sent = 0
        self._lock = Lock()

    def request(self, _method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        with self._lock:
            self._sent += 1
            number = self._sent
        if number < self.last:
            return send()
        self.died = True
        if number == self.last and self.answer_lost:
            send()
        raise Death


class AtOneRequest(Watched):
    """Does something at request number `place` (from 1); `reached` says whether that came."""

    def __init__(self, store: Store, place: int, work: Callable[[], object] = lambda: None) -> None:
        super().__init__(store)
        self.place = place
        self.work = work
        self.reached = False
        self._sent = 0
        self._lock = Lock()

    def before(self, send: Callable[[], object]) -> None:
        """Do it; the request is sent after that."""
        raise NotImplementedError

    def request(self, _method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        with self._lock:
            self._sent += 1
            here = self._sent == self.place
        if here:
            self.reached = True
            self.before(send)
        return send()


class Repeated(AtOneRequest):
    """Sends the request twice, as botocore does where the first answer is lost; others may `work` in between."""

    def before(self, send: Callable[[], object]) -> None:
        send()
        self.work()


class Interrupted(AtOneRequest):
    """Lets another client `work`, once, right before the request."""

    def before(self, _send: Callable[[], object]) -> None:
        self.work()


def on(store: Store, *, read_pending_updates: bool = True) -> FlashFlood:
    """Give a FlashFlood that sends its requests through `store`."""
    return FlashFlood._on(store, read_pending_updates=read_pending_updates)  # noqa: SLF001 - the way in for any store


def keys(store: Store, prefix: str = "") -> Iterator[str]:
    """All keys that begin with `prefix`."""
    after = None
    while True:
        page = store.list(prefix, after)
        yield from (entry.key for entry in page.entries)
        if not page.more:
            return
        after = page.entries[-1].key


class Far(Short):
    """A store that is far away, so that many requests are made at a time, with short pages. It counts them.

    `most`: how many LISTs were under way at one time.
    """

    def __init__(self, store: Store, page: int, *, latency: float = 0) -> None:
        super().__init__(store, page)
        self.is_near = False
        self.workers = 4
        self.lists = self.most = 0
        self._latency = latency
        self._under_way = 0
        self._lock = Lock()

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        with self._lock:
            self.lists += 1
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        sleep(self._latency)
        page = super().list(prefix, after)
        with self._lock:
            self._under_way -= 1
        return page


class Gated(Watched):
    """The store of a client that works in a thread of its own, so many requests at a time as it is let.

    `work(client)` is called again and again with a FlashFlood on this store, until the gate is closed.
    """

    def __init__(self, store: Store, work: Callable[[FlashFlood], object]) -> None:
        super().__init__(store)
        self._changed = Condition()
        self._let = self._sent = self._done = 0
        self._is_over = False
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._run, args=(work,))
        self._thread.start()

    def request(self, _method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        with self._changed:
            self._changed.wait_for(lambda: self._sent < self._let or self._is_over)
            self._sent += 1
        try:
            return send()
        finally:
            with self._changed:
                self._done += 1
                self._changed.notify_all()

    def let(self, requests: int) -> None:
        """Let so many requests through, and wait until they are done."""
        with self._changed:
            self._let += requests
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._done >= self._let or not self._thread.is_alive())

    def close(self) -> None:
        """Let the client end its work; raise what went wrong with it."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self, work: Callable[[FlashFlood], object]) -> None:
        client = on(self)
        try:
            while not self._is_over:
                work(client)
        except BaseException as error:  # noqa: BLE001 - for `close`
            self._failure = error
        with self._changed:
            self._changed.notify_all()


class Gate(Watched):
    """A store whose writes wait until it is open; they fail where that takes more than a minute."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.opened = Event()

    def request(self, method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        if method in WRITES:
            assert self.opened.wait(60)
        return send()


class NoDeletes(Watched):
    """The store of a client without the right to delete."""

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if method == "delete":
            raise PermissionError(key)
        return send()
