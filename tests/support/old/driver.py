# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202, ANN204, SLF001 - here `flashflood` is 0.4.3, which has neither types nor a public way
"""Runs in a process of its own, where `import flashflood` gives FlashFlood 0.4.3.

It does what JSON lines on stdin ask, and answers on stdout.
A question is `{"bucket", "prefix", "call", "arguments"}`; an answer `{"result"}` or `{"error": [class name, message]}`.
bytes cross as `{"bytes": base64}`, datetimes as `{"date": isoformat}`, events as `{"event": [id, date, data]}`.
"""

import base64
import json
import os
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Barrier

import boto3

import flashflood
from flashflood import FlashFlood, objects
from flashflood.identifiers import JournalID


def encoded(value):  # noqa: PLR0911 - one for each kind of value
    """Give what JSON can carry of a value that 0.4.3 gives."""
    if isinstance(value, flashflood.Event):
        return {"event": [value.event_id, encoded(value.date), encoded(value.data)]}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {"date": value.isoformat()}
    if isinstance(value, dict):
        return {key: encoded(item) for key, item in value.items()}
    if isinstance(value, (list, types.GeneratorType)):
        return [encoded(item) for item in value]
    if isinstance(value, objects.BaseJournal):
        return None if value.is_empty else value.id_
    return value


def decoded(value):
    """Give the opposite of `encoded`, for arguments."""
    if isinstance(value, dict) and "bytes" in value:
        return base64.b64decode(value["bytes"])
    if isinstance(value, dict) and "date" in value:
        return datetime.fromisoformat(value["date"])
    if isinstance(value, list):
        return [decoded(item) for item in value]
    return value


class StoppedError(Exception):
    """The client died here, as far as the store can see."""


class Calls:
    """What may be asked beyond the methods of 0.4.3's FlashFlood."""

    def __init__(self, ff):
        self.ff = ff

    def combine_journals(self, journal_ids):
        return self.ff.combine_journals([self.ff._Journal.from_id(JournalID(item)) for item in journal_ids])

    def journal_and_stop(self, minimum_number_of_events, tombstones):
        """Journal as a client does that dies once it has written so many of the journals' tombstones."""
        upload_tombstone = objects.BaseJournal.upload_tombstone
        left = [True] * tombstones

        def upload_or_stop(journal):
            if not left:
                raise StoppedError
            left.pop()
            return upload_tombstone(journal)

        objects.BaseJournal.upload_tombstone = upload_or_stop
        try:
            self.ff.journal(minimum_number_of_events=minimum_number_of_events)
        except StoppedError:
            return
        finally:
            objects.BaseJournal.upload_tombstone = upload_tombstone
        message = "journaling wrote no further tombstone"
        raise AssertionError(message)

    def new_journals(self):
        return list(self.ff._new_journals())

    def manifest(self, journal_id):
        return self.ff._Journal.from_id(JournalID(journal_id)).manifest()

    def update_for(self, journal_id, event_id, data):
        """Write the update that a writer sends off who looked the event up when it still was in this journal."""
        self.ff._JournalUpdate.upload_update(JournalID(journal_id), event_id, data)

    def requests_to_journal(self, minimum_number_of_events):
        """How many requests it sends to journal."""
        sent = []
        events = self.ff.s3_client.meta.events
        events.register("before-send.s3", lambda **_: sent.append(1), unique_id="count")
        try:
            self.ff.journal(minimum_number_of_events=minimum_number_of_events)
        finally:
            events.unregister("before-send.s3", unique_id="count")
        return len(sent)

    def replay_event_streams(self, from_date=None, to_date=None):
        streams = json.loads(json.dumps(list(self.ff.list_event_streams(from_date, to_date))))
        return [event for stream in streams for event in flashflood.replay_event_stream(stream, from_date, to_date)]

    def replay_event_stream(self, stream):
        return flashflood.replay_event_stream(stream)


def put_from_many_threads(ff, event_id, data):
    """Put one id with each of `data`; every writer looks the id up before any writes. Give how many succeed."""
    looked_up = Barrier(len(data))
    event_exists = ff.event_exists

    def slow_event_exists(wanted):
        found = event_exists(wanted)
        looked_up.wait(timeout=30)
        return found

    ff.event_exists = slow_event_exists

    def put(item):
        try:
            ff.put(item, event_id, datetime(2020, 1, 1))
        except flashflood.FlashFloodEventExistsError:
            return False
        return True

    with ThreadPoolExecutor(len(data)) as pool:
        return sum(pool.map(put, data))


def answer(question, resource):
    ff = FlashFlood(resource, question["bucket"], question["prefix"])
    arguments = {name: decoded(value) for name, value in question["arguments"].items()}
    name = question["call"]
    if name == "put_from_many_threads":
        return put_from_many_threads(ff, **arguments)
    method = getattr(Calls(ff), name, None) or getattr(ff, name)
    return encoded(method(**arguments))


def main():
    answers = os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr  # 0.4.3 prints
    assert Path(flashflood.__file__).parents[1] == Path(os.environ["FLASHFLOOD_043"]), flashflood.__file__
    resource = boto3.resource("s3")
    for line in sys.stdin:
        try:
            reply = {"result": answer(json.loads(line), resource)}
        except Exception as error:  # noqa: BLE001 - told to the test
            reply = {"error": [type(error).__name__, str(error)]}
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    main()
