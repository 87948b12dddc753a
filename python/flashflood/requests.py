"""Many requests at a time: the pool of threads that one `FlashFlood` makes its requests on."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import ParamSpec, TypeVar

T = TypeVar("T")
A = TypeVar("A")
P = ParamSpec("P")


class Requests:
    """Runs calls on up to `workers` threads, started when first needed.

    A call that itself runs on such a thread makes its requests one after the other there, so that the pool never waits
    for itself.
    """

    def __init__(self, workers: int) -> None:
        """Allow `workers` calls at a time."""
        self.workers = workers
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0
        self._here = threading.local()

    def start(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start a call; its result or error is in the future."""
        if not self._is_inside:
            return self._executor().submit(self._run, partial(call, *args, **kwargs))
        done: Future[T] = Future()
        try:
            done.set_result(call(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  it is the future's, as it would be from another thread
            done.set_exception(error)
        return done

    def each(self, call: Callable[[A], T], items: Iterable[A]) -> list[T]:
        """Call with each item, many at a time; results in the items' order. A single one is done right here.

        Each thread takes one item after the other, so that a request costs no hand-over. After an error nothing more is
        begun; the first one, in the items' order, is raised once all have ended.
        """
        waiting = deque(enumerate(items))
        if len(waiting) <= 1 or self._is_inside:
            return [call(item) for _, item in waiting]
        done: dict[int, T] = {}
        failed: dict[int, BaseException] = {}

        def work() -> None:
            with suppress(IndexError):
                while True:
                    number, item = waiting.popleft()
                    try:
                        done[number] = call(item)
                    except BaseException as error:  # noqa: BLE001  the caller's thread raises it
                        failed[number] = error
                        waiting.clear()

        working = [self.start(work) for _ in range(min(self.workers, len(waiting)))]
        try:
            wait(working)
        finally:
            waiting.clear()
        if failed:
            raise failed[min(failed)]
        return [done[number] for number in range(len(done))]

    def stream(self, call: Callable[[A], T], items: Iterable[A], *, ahead: int) -> Iterator[T]:
        """Call with each item, at most `ahead` of them before their results are taken; results in the items' order."""
        if self._is_inside:
            yield from map(call, items)
            return
        source = iter(items)
        pending = deque(self.start(call, item) for item in islice(source, ahead))
        try:
            while pending:
                result = pending.popleft().result()
                pending.extend(self.start(call, item) for item in islice(source, 1))
                yield result
        except Exception:
            _cancel(pending)
            wait(pending)
            raise
        finally:
            _cancel(pending)

    @property
    def _is_inside(self) -> bool:
        return getattr(self._here, "inside", False)

    def _run(self, call: Callable[[], T]) -> T:
        self._here.inside = True
        return call()

    def _executor(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None or self._process != os.getpid():  # threads do not survive a fork
                self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="flashflood")
                self._process = os.getpid()
            return self._pool


def _cancel(futures: Iterable[Future[T]]) -> None:
    for future in futures:
        future.cancel()
