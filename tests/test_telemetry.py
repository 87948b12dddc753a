"""Spans and metrics as OpenTelemetry's SDK reads them; without OpenTelemetry nothing is measured."""

import importlib.util
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import ModuleType
from typing import NamedTuple

import pyarrow as pa
import pytest
from conftest import Place
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from support.samples import at, put_journaled
from support.servers.faulty import Answer, Fault, Forward, Request, error
from support.watched import Counted, Watched, on

from flashflood import FlashFlood, FlashFloodEventNotFound, telemetry
from flashflood.store import Store
from flashflood.store.s3 import S3Store

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)
ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)

CALLS: dict[str, Callable[[FlashFlood], object]] = {
    "put": lambda ff: ff.put(b"data", "c", at(2)),
    "put_many": lambda ff: ff.put_many([(b"data", str(number), at(number)) for number in range(5)]),
    "get_event": lambda ff: ff.get_event("a"),
    "event_exists": lambda ff: ff.event_exists("b"),
    "get_events": lambda ff: list(ff.get_events(["a", "b", "3"])),
    "update_event": lambda ff: ff.update_event("a", b"new"),
    "update": lambda ff: ff.update(),
    "delete_event": lambda ff: ff.delete_event("b"),
    "journal": lambda ff: ff.journal(2),
    "list_journals": lambda ff: LISTED.extend(ff.list_journals()),
    "describe_journals": lambda ff: list(ff.describe_journals()),
    "open_journal": lambda ff: ff.open_journal(LISTED[0]),
    "combine_journals": lambda ff: ff.combine_journals(LISTED[:1]),
    "list_event_streams": lambda ff: list(ff.list_event_streams()),
    "replay": lambda ff: list(ff.replay(filter="level > `1`")),
    "follow": lambda ff: list(ff.follow(wait=False)),
    "partitions": lambda ff: ff.partitions(),
    "search": lambda ff: ff.search("length(events)", at(10_000)),
    "compact": lambda ff: ff.compact(),
    "stats": lambda ff: ff.stats(),
    "check": lambda ff: ff.check(),
    "repair": lambda ff: ff.repair(),
    "collect_garbage": lambda ff: ff.collect_garbage(timedelta()),
    "maintain": lambda ff: ff.maintain(),
    "copy_to": lambda ff: ff.copy_to(FlashFlood.open("memory://")),
    "destroy": lambda ff: ff.destroy(),
}
LISTED: list[str] = []
BY_ANOTHER_NAME = {"replay_batches", "scan_polars", "journal_ids", "new_journals"}
NO_REQUESTS = {"open", "close", "writer"}


class Read(NamedTuple):
    """What the SDK has been told."""

    spans: InMemorySpanExporter
    metrics: InMemoryMetricReader

    def finished(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans.get_finished_spans() if span.name == f"flashflood.{name}"]

    def points(self, name: str) -> Counter[tuple[str, ...]]:
        """Give a metric's values (of a histogram the counts) by its attributes, without the store."""
        found: Counter[tuple[str, ...]] = Counter()
        data = self.metrics.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points if metric.name == name else ():
                        attributes = dict(point.attributes or {})
                        attributes.pop("flashflood.store")
                        found[tuple(map(str, attributes.values()))] += getattr(point, "value", None) or point.count  # type: ignore[union-attr]  # of a histogram
        return found


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[Read]:
    """Let spans and metrics go to the SDK for one test."""
    spans, metrics = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([metrics])
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    made = telemetry.Instruments(tracers.get_tracer("flashflood"), meters.get_meter("flashflood"))
    monkeypatch.setattr(telemetry, "instruments", made)
    yield Read(spans, metrics)
    meters.shutdown()
    tracers.shutdown()


class Traced(Watched):
    """Notes the span that is current at each request, and whether another thread than the caller's makes it."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.caller = threading.get_ident()
        self.spans: list[int] = []
        self.elsewhere = 0

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:  # type: ignore[override]  # noqa: ARG002
        self.spans.append(trace.get_current_span().get_span_context().span_id)
        self.elsewhere += threading.get_ident() != self.caller
        return send()


def test_every_call_has_its_line_here() -> None:
    calls = {name for name in dir(FlashFlood) if not name.startswith("_") and callable(getattr(FlashFlood, name))}
    assert calls == {*CALLS, *BY_ANOTHER_NAME, *NO_REQUESTS}


@ON_FOLDER
def test_each_call_is_a_span_and_every_request_on_any_thread_is_beneath_it(place: Place, read: Read) -> None:
    LISTED.clear()
    put_journaled(place.open(), "a", "b")
    store = Traced(place.store())
    ff = on(store)
    for name, call in CALLS.items():
        store.spans.clear()
        read.spans.clear()
        call(ff)
        (span,) = [span for span in read.finished(name) if span.parent is None]
        assert span.attributes == {"flashflood.call": name, "flashflood.store": store.name}
        known = {one.context.span_id for one in read.spans.get_finished_spans() if one.context}
        assert store.spans, name
        assert {*store.spans} <= known, name
        assert all(one.parent for one in read.spans.get_finished_spans() if one is not span), name
    assert store.elsewhere > 0


@ON_FOLDER
def test_a_call_is_beneath_the_span_of_its_caller_and_so_are_iterators(place: Place, read: Read) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b")
    read.spans.clear()
    with telemetry.instruments.tracer.start_as_current_span("theirs") as theirs:
        ff.get_event("a")
        assert list(ff.replay())
        pa.RecordBatchReader.from_stream(ff.replay_batches()).read_all()
        list(ff.get_events(["a"]))
        assert trace.get_current_span() is theirs
    for span in [*read.finished("get_event"), *read.finished("replay"), *read.finished("get_events")]:
        assert span.parent
        assert span.parent.span_id == theirs.get_span_context().span_id
    assert len(read.finished("replay")) == 2


@ON_FOLDER
def test_between_two_items_the_span_is_the_callers_and_it_ends_with_the_iterator(place: Place, read: Read) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b", "c")
    read.spans.clear()
    replay, read_by_id = ff.replay(), ff.get_events(["a", "b", "c"])
    for begun in (replay, read_by_id):
        next(begun)
        assert trace.get_current_span() is trace.INVALID_SPAN
    assert read.spans.get_finished_spans() == ()
    replay.close()
    del begun, read_by_id
    assert [span.name for span in read.spans.get_finished_spans()] == ["flashflood.replay", "flashflood.get_events"]


@ON_FOLDER
def test_an_error_is_the_spans_and_its_type_an_attribute_of_the_metrics(place: Place, read: Read) -> None:
    ff = place.open()
    for call in (lambda: ff.get_event("absent"), lambda: list(ff.get_events(["absent"]))):
        with pytest.raises(FlashFloodEventNotFound):
            call()
    (one,), (many,) = read.finished("get_event"), read.finished("get_events")
    for span in (one, many):
        assert span.status.status_code is trace.StatusCode.ERROR
        assert "absent" in (span.status.description or "")
        assert [event.name for event in span.events] == ["exception"]
    assert read.points("flashflood.call.duration") == {
        ("get_event", "FlashFloodEventNotFound"): 1,
        ("get_events", "FlashFloodEventNotFound"): 1,
    }


@ON_FOLDER
def test_requests_and_bytes_are_counted_by_call_and_by_kind(place: Place, read: Read) -> None:
    counted = Counted(place.store())
    ff = on(counted)
    ff.put(b"0123456789", "a", at(0))
    assert ff.get_event("a").data == b"0123456789"
    calls = read.points("flashflood.request.duration")
    expected = Counter(method for method, _ in counted.requests if method != "create_unused")
    found: Counter[str] = Counter()
    for (_, kind), count in calls.items():
        found[kind] += count
    assert found == expected
    assert calls["put", "create"] == 2
    sizes = read.points("flashflood.request.size")
    assert sizes["put", "put", "written"] == 10
    assert sizes["get_event", "get", "read"] == 10
    assert read.points("flashflood.call.duration") == {("put",): 1, ("get_event",): 1}


@ON_MOTO
@pytest.mark.usefixtures("no_patience")
def test_attempts_after_the_first_one_are_counted_and_a_callers_own_requests_are_not(
    behind: Callable[[Fault], S3Store], read: Read
) -> None:
    refused: Counter[str] = Counter()

    def refuse_twice(request: Request, forward: Forward) -> Answer:
        refused[request.method] += request.method == "GET"
        return error(503, "SlowDown") if request.method == "GET" and refused["GET"] <= 2 else forward(request)

    store = behind(refuse_twice)
    store.put("blobs/x", b"data")
    assert store.get("blobs/x")
    assert read.points("flashflood.request.retries") == {("", "get"): 2}
    store.client.list_buckets()
    assert read.points("flashflood.request.duration") == {("", "put"): 1, ("", "get"): 1}


@ON_FOLDER
def test_a_large_object_in_pieces_is_one_request_and_what_makes_them_counts_for_itself(
    place: Place, read: Read
) -> None:
    store = place.store()
    store.put("blobs/x", b"abc")

    def pieces() -> Iterator[bytes]:
        found = store.get("blobs/x")
        assert found
        yield found.body
        yield b"defg"

    store.put("blobs/y", pieces())
    assert read.points("flashflood.request.duration") == {("", "put"): 2, ("", "get"): 1}
    assert read.points("flashflood.request.size") == {("", "put", "written"): 10, ("", "get", "read"): 3}


def test_without_opentelemetry_what_would_be_measured_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    without = loaded_again()
    assert not without.IS_ON
    assert without.measured()(Watched) is Watched
    assert not hasattr(Watched.get, "__wrapped__")
    assert without.iteration("replay", "store") is None
    span = without.Span("get_events", "store")
    with span, without.call("put", "store"):
        pass
    span.end()


def loaded_again() -> ModuleType:
    """Load the module a second time, beside the one that the package has."""
    spec = importlib.util.spec_from_file_location("telemetry_again", telemetry.__file__)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
