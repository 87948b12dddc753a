# pyright: strict
"""A small user's program with every public call: type checkers in their strictest mode must find nothing in it.

It is checked, and not run.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, assert_type

import polars as pl
from mypy_boto3_s3 import S3ServiceResource

import flashflood
from flashflood import (
    ChangesFollower,
    Compaction,
    Copied,
    Damage,
    Event,
    Expression,
    Finding,
    Findings,
    FlashFlood,
    FlashFloodCorruptionError,
    FlashFloodEventExistsError,
    FlashFloodEventNotFound,
    FlashFloodException,
    FlashFloodJournalingError,
    FlashFloodJournalUploadError,
    Follower,
    Journal,
    JournalID,
    JournalSummary,
    Loaded,
    Maintained,
    Partition,
    Progress,
    Rejected,
    Repairs,
    Replay,
    ReplayBatches,
    Rules,
    SpooledIds,
    Stats,
    StatsBin,
    StatsGroup,
    Stored,
    UndeletedError,
    Writer,
    datetime_from_timestamp,
    datetime_to_timestamp,
    load_lines,
    replay_event_stream,
    timestamp_now,
)

ff = assert_type(FlashFlood.open("s3://bucket/prefix", read_pending_updates=False), FlashFlood)
assert_type(FlashFlood.open("s3://bucket/prefix", endpoint_url="http://127.0.0.1:9000"), FlashFlood)
assert_type(ff.root_prefix, str)
assert_type(flashflood.__version__, str)

SINCE, UNTIL = datetime(2026, 1, 1), datetime(2026, 2, 1)


def on_a_resource(s3: S3ServiceResource) -> tuple[object, object, object]:
    with FlashFlood.open("s3://bucket/prefix", client=s3) as opened:
        assert_type(opened, FlashFlood)
    opened.close()
    same = FlashFlood(s3, "bucket", "prefix", read_pending_updates=False)
    return same.s3, same.s3_client, same.bucket


def write(document: dict[str, int], documents: list[dict[str, Any]]) -> None:
    event = assert_type(ff.put({"level": 3}, "an id", SINCE), Event)
    for data in (document, documents, bytearray(), memoryview(b""), json.loads("[]")):
        ff.put(data)
    assert_type((event.event_id, event.date, event.data), tuple[str, datetime, bytes])
    stored = assert_type(ff.put_many([(b"", None, None), event], on_conflict="skip"), Stored)
    skipped = assert_type(stored.skipped, SpooledIds)
    assert_type((stored.stored, len(skipped), list(skipped)), tuple[int, int, list[str]])
    with ff.writer(linger=timedelta(milliseconds=20)) as writer:
        future = assert_type(assert_type(writer, Writer).put({"level": 3}, "an id", SINCE), Future[Event])
        assert_type(future.result(), Event)
    writer.close()
    ff.update_event("an id", "new data")
    ff.delete_event("an id")


def load() -> None:
    def odd(rejected: Rejected) -> None:
        assert_type((rejected.file, rejected.line, rejected.text, rejected.reason), tuple[str, int, bytes, str])

    load_lines(ff, "-")
    load_lines(ff, Path("lines"), on_conflict="skip")
    done = load_lines(ff, ["a.gz", "s3://bucket/logs/"], id="id", date="time", each="Records[]", on_reject=odd)
    assert_type((assert_type(done, Loaded).stored, list(done.skipped), done.rejected), tuple[int, list[str], int])


def read() -> None:
    assert_type(ff.get_event("an id").data, bytes)
    assert_type(ff.get_events(["an id", "another"], on_missing="skip"), Iterator[Event])
    assert_type(ff.event_exists("an id"), bool)


def follow() -> None:
    follower = assert_type(ff.follow(lateness=timedelta(minutes=5), late=print, every=timedelta(seconds=1)), Follower)
    for event in follower:
        assert_type(event, Event)
    assert_type((follower.cursor, follower.late), tuple[str, int])
    follower.close()
    ff.follow((SINCE, "an id"), wait=False, filter="level > `2`", select=Expression("level"))
    ff.follow(follower.cursor)
    changes = assert_type(ff.follow(changes=True, wait=False), ChangesFollower)
    for kind, event in changes:
        assert_type((kind, event), tuple[Literal["put", "update", "delete"], Event])
    assert_type((changes.cursor, changes.late), tuple[str, int])


def replay() -> None:
    events = assert_type(ff.replay(SINCE, UNTIL, filter="level > `2`", select=Expression("level")), Replay)
    for event in events:
        assert_type(json.loads(event.data), Any)
    events.close()
    tolerant = ff.replay(on_damage="skip").skipped, ff.replay_batches(on_damage=told).skipped
    assert_type(tolerant, tuple[list[Damage], Sequence[Damage]])
    assert_type(ff.replay_batches(SINCE, filter="level", batch_size=1_000, memory_budget=10**8), ReplayBatches)
    assert_type(ff.replay(after=(SINCE, "an id"), to_date=UNTIL), Replay)
    assert_type(ff.replay_batches(after="a cursor"), ReplayBatches)
    assert_type(ff.partitions(after=("a cursor" if UNTIL > SINCE else None)), list[Partition])
    assert_type(ff.scan_polars(after=(SINCE, "")), pl.LazyFrame)
    assert_type(ff.search("events", after=(SINCE, "an id")), Any)
    typed = ff.replay_batches(columns={"n": "level", "date": None}, schema={"n": "int64"}, on_mismatch="null")
    assert_type(typed.only(["n"]).to_polars(), pl.DataFrame)
    ff.replay_batches(columns={"n": Expression("level")}, schema=pl.Schema([("n", pl.Int64)]))
    for partition in ff.partitions(SINCE, UNTIL, filter="level", select="level", size=10**6, presigned=True):
        bounds = partition.from_date, partition.to_date, partition.estimated_events, partition.estimated_bytes
        assert_type(bounds, tuple[datetime | None, datetime, int, int])
        again: Iterator[Event] = assert_type(partition, Partition).events(memory_budget=10**8)
        assert_type(next(again), Event)
        assert_type(partition.batches(batch_size=1_000).to_polars(), pl.DataFrame)
    assert_type(ff.scan_polars(SINCE, UNTIL, filter="level", select="level"), pl.LazyFrame)
    result: list[int] = ff.search("events[].level", to_date=UNTIL, on_damage=told)
    assert_type(result, list[int])
    for stream in ff.list_event_streams(SINCE, UNTIL):
        assert_type(stream, dict[str, Any])
        assert_type(replay_event_stream(stream, SINCE, UNTIL, allow_file_urls="/folder"), Iterator[Event])


def told(damage: Damage) -> None:
    fields = damage.journal_id, damage.key, damage.problem, damage.events
    assert_type(fields, tuple[JournalID, str, str, int | None])


def maintain() -> None:
    assert_type(ff.journal(minimum_number_of_events=1_000, minimum_size=10_000, progress=print_progress), int)
    assert_type(ff.update(), int)
    assert_type(ff.compact(10**8, SINCE, UNTIL, dry_run=True), Compaction)
    rules = Rules(journal_events=10, update_age=None, grace=timedelta(days=2))
    assert_type(ff.maintain(rules, every=timedelta(minutes=1), stop=threading.Event()), Maintained)
    assert_type(ff.maintain().journaled, int)
    findings = assert_type(ff.check(sample=0.01), Findings)
    assert_type((findings.looked_at, findings.journals, list(findings)), tuple[int, int, list[Finding]])
    for finding in findings:
        about = finding.kind == "blob-missing", finding.journal_id, finding.key, finding.event_id
        assert_type(about, tuple[bool, str | None, str | None, str | None])
        assert_type((finding.upper(), finding.remedy, finding.by_repair), tuple[str, str, bool])
    assert_type(ff.repair(), Repairs)
    assert_type(ff.repair().taken_out, list[str])
    assert_type(ff.repair().left, list[Finding])
    assert_type(ff.collect_garbage(timedelta(days=2), dry_run=True), int)
    assert_type(
        ff.copy_to(FlashFlood.open("memory://"), verify=True, progress=lambda told: told.done / (told.total or 1)),
        Copied,
    )
    ff.destroy()


def print_progress(told: Progress) -> None:
    assert_type((told.call, told.step, told.unit, told.seconds), tuple[str, str, str, float])
    assert_type((told.done, told.total, told.events, told.bytes), tuple[int, int | None, int, int])


def look() -> None:
    found = assert_type(ff.stats(), Stats)
    assert_type((found.events, found.is_exact, found.bytes, found.garbage_bytes), tuple[int, bool, int, int])
    assert_type((found.first_date, found.oldest_update), tuple[datetime | None, datetime | None])
    assert_type(found.by_size, tuple[StatsGroup[int], ...])
    assert_type([group.below for group in found.by_age], list[timedelta | None])
    for one in found.bins:
        assert_type(one, StatsBin)
        assert_type((one.start, one.end, one.events, one.bytes), tuple[datetime, datetime, int, int])


def journals() -> None:
    assert_type(ff.list_journals(SINCE, UNTIL), Iterator[JournalID])
    for summary in assert_type(ff.describe_journals(SINCE, UNTIL), Iterator[JournalSummary]):
        assert_type((summary.events, summary.bytes), tuple[int | None, int | None])
    assert_type(ff.new_journals(), Iterator[JournalID])
    for journal_id in ff.journal_ids():
        assert_type((journal_id.start_date, journal_id.end_date), tuple[datetime, datetime])
        journal = assert_type(ff.open_journal(journal_id), Journal)
        assert_type((journal.id_, journal.version, journal.blob_id, journal.size), tuple[JournalID, str, str, int])
        assert_type(journal.events, list[dict[str, str | int]])
        assert_type(journal.manifest(), dict[str, Any])
        assert_type(journal.body.read(10), bytes)
        assert_type(journal.get_event("an id"), Event)
        assert_type(ff.combine_journals([journal, journal_id]), Journal)


def errors() -> None:
    try:
        ff.journal()
    except FlashFloodEventNotFound as error:
        assert_type(error.event_id, str | None)
    except FlashFloodCorruptionError as error:
        assert_type((error.journal_id, error.key), tuple[str | None, str | None])
    except UndeletedError as error:
        assert_type(error.keys, frozenset[str])
    except (FlashFloodEventExistsError, FlashFloodJournalingError, FlashFloodJournalUploadError) as error:
        print(error)  # noqa: T201
    except FlashFloodException as error:
        print(error)  # noqa: T201


def dates() -> None:
    assert_type(datetime_to_timestamp(SINCE), str)
    assert_type(datetime_from_timestamp(timestamp_now()), datetime)
