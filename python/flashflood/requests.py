"""Many requests at a time: the pool of threads that one `FlashFlood` makes its requests on."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from copy import copy
from functools import partial
from itertools import islice
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from flashflood.progress import EVERY, SILENT, Meter

T = TypeVar("T")
A = TypeVar("A")
P = ParamSpec("P")


class Requests:
    """Runs calls on up to `workers` threads, started when first needed.

    Where the store is near, a request is done sooner than another thread takes it over: then only `work` and `stream`
    use threads, for what is much to read and to compute. A call that itself runs on such a thread makes its requests
    one after the other there, so that the pool never waits for itself. So does every call when no thread can be
    started, as when the interpreter ends. A call sees the context variables of who asked for it (a span, for one).
    """

    def __init__(self, workers: int, *, is_near: bool = False) -> None:
        """Allow `workers` calls at a time."""
        self.workers = workers
        self._is_near = is_near
        self._pools: dict[int, ThreadPoolExecutor] = {}
        """By process id: threads do not survive a fork."""
        self._beside: WeakValueDictionary[int, Requests] = WeakValueDictionary()
        self._closed = threading.Event()
        self._here = threading.local()
        self._meter = SILENT
        self._pause: float | None = None
        """Seconds to wait before the meter is asked to tell; None: no end."""

    def telling(self, meter: Meter) -> "Requests":
        """Give the same pool for one call: whoever waits in `each` or `stream` lets its meter tell meanwhile."""
        other = copy(self)
        other._meter, other._pause = meter, EVERY  # noqa: SLF001  one of these
        return other

    def beside(self, workers: int) -> "Requests":
        """Give another pool, for what waits for requests of this one; it is closed with this one."""
        other = Requests(workers)
        self._beside[id(other)] = other
        return other

    @property
    def at_a_time(self) -> int:
        """How many requests can be under way for this thread."""
        return 1 if self._is_near or self._is_worker else self.workers

    def start(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start a request; its result or error is in the future."""
        if self._is_near:
            return _done(partial(call, *args, **kwargs))
        return self.work(call, *args, **kwargs)

    def work(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start requests that bring much, and what is computed of it; the result or error is in the future."""
        bound = partial(call, *args, **kwargs)
        if self._is_worker or self._closed.is_set():
            return _done(bound)
        waiting: deque[Callable[[], T]] = deque([partial(copy_context().run, bound)])
        try:
            return self._executor().submit(self._run, waiting)
        except RuntimeError:  # the interpreter ends, or the system has no thread left
            if not waiting:  # a thread has taken the call all the same
                raise
            return _done(waiting.pop())

    def each(self, call: Callable[[A], T], items: Iterable[A]) -> list[T]:
        """Call with each item, many at a time; results in the items' order. A single item needs no other thread.

        Each thread takes one item after the other, so that a request costs no hand-over. After an error no further item
        is begun. Once all have ended, the error of the first item that failed is raised.
        """
        waiting = deque(enumerate(items))
        if len(waiting) <= 1 or self._is_near or self._is_worker:
            return [call(item) for _, item in self._told_before(waiting)]
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

        working = [self.work(work) for _ in range(min(self.workers, len(waiting)))]
        try:
            self._wait(working)
        except Exception:
            waiting.clear()
            wait(working)
            raise
        finally:
            waiting.clear()
        if failed:
            raise failed[min(failed)]
        return [done[number] for number in range(len(done))]

    def stream(self, call: Callable[[A], T], items: Iterable[A], *, ahead: int) -> Iterator[T]:
        """Call with each item, at most `ahead` of them before their results are taken; results in the items' order."""
        if self._is_worker:
            yield from map(call, items)
            return
        source = iter(items)
        pending = deque(self.work(call, item) for item in islice(source, ahead))
        try:
            while pending:
                if self._pause is not None:
                    self._wait([pending[0]])
                    self._meter.tell()
                result = pending.popleft().result()
                pending.extend(self.work(call, item) for item in islice(source, 1))
                yield result
        except Exception:
            _cancel(pending)
            wait(pending)
            raise
        finally:
            _cancel(pending)

    def _wait(self, working: Iterable[Future[T]]) -> None:
        """Wait until all have ended, and tell meanwhile. Raises what is raised by whoever is told."""
        while wait(working, self._pause).not_done:
            self._meter.tell()

    def _told_before(self, items: Iterable[A]) -> Iterator[A]:
        for item in items:
            self._meter.tell()
            yield item

    def stop(self) -> None:
        """Begin nothing more; each thread ends after its present call."""
        pool = self._pools.get(os.getpid())
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Start nothing more on its threads, and wait until they have ended what was started.

        What is asked for later, its caller does. On one of its own threads it waits for none.
        """
        self._closed.set()
        beside = [pool for found in self._beside.valuerefs() if (pool := found()) is not None]
        for pool in (*beside, self):
            pool._closed.set()  # noqa: SLF001  one of these
            pool._end_threads(wait=not self._is_worker)  # noqa: SLF001  as above

    def _end_threads(self, *, wait: bool) -> None:
        pool = self._pools.get(os.getpid())
        if pool is not None:
            pool.shutdown(wait=wait)

    @property
    def _is_worker(self) -> bool:
        """Whether this thread is one of the pool's."""
        return getattr(self._here, "inside", False)

    def _run(self, waiting: "deque[Callable[[], T]]") -> T:
        self._here.inside = True
        return waiting.pop()()

    def _executor(self) -> ThreadPoolExecutor:
        """Give this process's pool. It takes no lock: a thread may have held that when the process was forked."""
        pool = self._pools.get(os.getpid())
        if pool is None:
            made = ThreadPoolExecutor(self.workers, thread_name_prefix="flashflood")
            pool = self._pools.setdefault(os.getpid(), made)
            if self._closed.is_set():  # by another thread meanwhile, which has not seen this one
                self._end_threads(wait=False)
        return pool


def _done(call: Callable[[], T]) -> Future[T]:
    """Do a call here; its result or error is in the future, as it would be from another thread."""
    done: Future[T] = Future()
    try:
        done.set_result(call())
    except Exception as error:  # noqa: BLE001  it is the future's
        done.set_exception(error)
    return done


def _cancel(futures: Iterable[Future[T]]) -> None:
    for future in futures:
        future.cancel()
