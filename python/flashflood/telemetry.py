"""Spans and metrics through OpenTelemetry's API, where it is installed (`pip install flashflood-rs[otel]`).

Each call is a span; each request is counted under the call and its kind. docs/watching.md says what there is. Without
OpenTelemetry what is decorated here stays as it was, and nothing is measured.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager, nullcontext
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

try:
    from opentelemetry import context, metrics, trace
except ModuleNotFoundError:
    IS_ON = False
else:
    IS_ON = True

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType

T = TypeVar("T")
C = TypeVar("C", bound=type)

REQUESTS = ("get", "head", "put", "create", "delete", "list", "mark_garbage")
"""What every store is asked, each a request."""

_CALL = "flashflood.call"
"""The name of the call under way: a key of OpenTelemetry's context, and an attribute."""
_STORE = "flashflood.store"
_ERROR = "error.type"
_DIRECTION = "flashflood.direction"
Body = bytes | bytearray | memoryview
_here = threading.local()
"""Whether this thread makes a request (`is_asking`); what the client does for it: `requests`, `attempts` at them."""


class Instruments:
    """What is measured."""

    def __init__(self, tracer: trace.Tracer, meter: metrics.Meter) -> None:
        """Make them."""
        self.tracer = tracer
        self.calls = meter.create_histogram("flashflood.call.duration", "s", "How long calls take.")
        self.requests = meter.create_histogram(
            "flashflood.request.duration", "s", "How long requests to the store take, with their retries."
        )
        self.size = meter.create_counter("flashflood.request.size", "By", "Bytes of objects written and read.")
        self.retries = meter.create_counter("flashflood.request.retries", "{attempt}", "Attempts after the first one.")


if IS_ON:
    from flashflood.version import __version__

    instruments = Instruments(trace.get_tracer("flashflood", __version__), metrics.get_meter("flashflood", __version__))


class Span:
    """A call: begun when it first works on something, ended once. It may work now and then, on one thread at a time.

    Without OpenTelemetry it is nothing.
    """

    def __init__(self, name: str, store: str) -> None:
        """Name it, and the store."""
        self._attributes = {_CALL: name, _STORE: store}
        self._begun = 0.0
        self._span: trace.Span | None = None
        self._process = os.getpid()
        self._is_over = False

    def __enter__(self) -> None:
        """Let what this thread does be the call's. The first time it begins, beneath the span that is current."""
        if not IS_ON:
            return
        if self._span is None:
            self._begun = time.perf_counter()
            name = f"flashflood.{self._attributes[_CALL]}"
            self._span = instruments.tracer.start_span(name, attributes=self._attributes)
        inside = context.set_value(_CALL, self._attributes[_CALL], trace.set_span_in_context(self._span))
        self._token = context.attach(inside)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let what it does be the caller's again; an exception ends the call."""
        if not IS_ON:
            return
        context.detach(self._token)
        if error is not None:
            self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """End it, once it has begun. In a forked child it goes on in the parent."""
        if self._span is None or self._is_over or self._process != os.getpid():
            return
        self._is_over = True
        attributes = self._attributes
        if isinstance(error, Exception) and not isinstance(error, StopIteration):
            attributes = {**attributes, _ERROR: type(error).__qualname__}
            self._span.record_exception(error)
            self._span.set_status(trace.StatusCode.ERROR, str(error))
        self._span.end()
        instruments.calls.record(time.perf_counter() - self._begun, attributes)

    def __del__(self) -> None:
        """End it with the iterator that it is of."""
        self.end()


def iteration(name: str, store: str) -> Span | None:
    """Give a span for a call whose items are taken one by one. None: nothing is measured."""
    return Span(name, store) if IS_ON else None


def call(name: str, store: str) -> AbstractContextManager[None]:
    """Give a span for a call that is over at the end of the block."""
    return _whole(Span(name, store)) if IS_ON else nullcontext()


@contextmanager
def _whole(span: Span) -> Iterator[None]:
    try:
        with span:
            yield
    finally:
        span.end()


def measured(*more: str) -> Callable[[C], C]:
    """Let each request of a class of stores be measured: `REQUESTS`, and `more`."""

    def decorate(store: C) -> C:
        for kind in (*REQUESTS, *more) if IS_ON else ():
            setattr(store, kind, _measured(kind, getattr(store, kind)))
        return store

    return decorate


def _measured(kind: str, request: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(request)
    def timed(self: Any, /, *args: Any, **options: Any) -> Any:  # noqa: ANN401  what any request takes and gives
        if getattr(_here, "is_asking", False):  # a request that is made of others counts as one
            return request(self, *args, **options)
        attributes = {_CALL: str(context.get_value(_CALL) or ""), _STORE: self.name, "flashflood.request": kind}
        if kind == "put" and not isinstance(args[1], Body):
            args = args[0], _pieces(args[1], attributes)
        _here.is_asking, _here.requests, _here.attempts = True, 0, 0
        begun = time.perf_counter()
        try:
            answer = request(self, *args, **options)
        except Exception as error:
            attributes[_ERROR] = type(error).__qualname__
            raise
        finally:
            _here.is_asking = False
            instruments.requests.record(time.perf_counter() - begun, attributes)
            if _here.attempts > _here.requests:
                instruments.retries.add(_here.attempts - _here.requests, attributes)
        _count_bytes(kind, args, answer, attributes)
        return answer

    return timed


def _count_bytes(kind: str, args: tuple[Any, ...], answer: Any, attributes: dict[str, str]) -> None:  # noqa: ANN401  as above
    """Count an object's bytes; those of one that is written in pieces are counted by `_pieces`."""
    if kind == "get" and answer is not None:
        instruments.size.add(len(answer.body), {**attributes, _DIRECTION: "read"})
    elif kind in {"put", "create"} and isinstance(args[1], Body):
        instruments.size.add(len(args[1]), {**attributes, _DIRECTION: "written"})


def _pieces(body: Iterable[bytes], attributes: dict[str, str]) -> Iterator[bytes]:
    """Count the pieces of an object. What makes them may itself make requests."""
    pieces = iter(body)
    while True:
        asking = dict(vars(_here))
        _here.is_asking = False
        try:
            piece = next(pieces)
        except StopIteration:
            return
        finally:
            vars(_here).update(asking)
        instruments.size.add(len(piece), {**attributes, _DIRECTION: "written"})
        yield piece


def note_request(**_: object) -> None:
    """Count a request of the client's: a handler of botocore's `before-call`."""
    if getattr(_here, "is_asking", False):
        _here.requests += 1


def note_attempt(**_: object) -> None:
    """Count an attempt at one: a handler of `before-send`."""
    if getattr(_here, "is_asking", False):
        _here.attempts += 1
