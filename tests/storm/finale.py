"""What is left when all workers have ended: one patient process finishes it, looks at all of it, and logs that too."""

import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from flashflood import FlashFloodJournalingError
from flashflood.store import Store, open_store
from flashflood.store.s3 import S3Store

from .content import Shown, shown
from .plan import Plan
from .roles import Caller
from .worker import LEFT_BEHIND, SESSION, options, set_grace

AT_ONCE = timedelta(days=-1)
"""A grace time that has passed even where a server tells times in whole seconds."""
MOST_ROUNDS = 40


def finish(plan: Plan, ids: list[str]) -> None:
    """Wait until nothing is on its way any more, finish what was left, then read everything."""
    time.sleep(LEFT_BEHIND.total_seconds() + 1.0)
    last = Caller(plan, "finale", patient=True)
    set_grace(AT_ONCE)
    last.made("repair", last.ff.repair)
    last.made("journal", lambda: _journal_all(last))
    last.made("update", lambda: _update_all(last))
    last.made("repair", last.ff.repair)
    for _ in range(2):  # the first settles batches that were left, and their fences are garbage
        last.made("collect_garbage", lambda: last.ff.collect_garbage(AT_ONCE))
    last.made("final check", last.ff.check)
    last.made("final replay", lambda: [shown(*event) for event in last.ff.replay()])
    last.made("streams", lambda: list(last._streams(None, None)), since=None, until=None)  # noqa: SLF001 - its own kind
    for event_id in ids:
        last.made("get_event", partial(_get, last, event_id), id=event_id)
    last.made("final keys", lambda: [*_keys(_store(plan))])


def copy(plan: Plan, url: str, environment: dict[str, str], ids: list[str]) -> None:
    """Copy what 0.4.3 reads of a folder to a server, where it can: the journals, and the index of these ids."""
    source, target = _store(plan), _store(Plan("", plan.times, 1000, "", url, environment))
    beginnings = ("journals/", "blobs/", "update/", *(f"index/{event_id}--" for event_id in ids))
    for key in _keys(source):
        found = source.get(key) if key.startswith(beginnings) else None
        if found is not None:
            target.put(key, found.body, metadata=found.metadata)


def _get(last: Caller, event_id: str) -> Shown:
    return shown(*last.ff.get_event(event_id))


def _journal_all(last: Caller) -> int:
    for number in range(MOST_ROUNDS):
        try:
            last.ff.journal(1)
        except FlashFloodJournalingError:
            return number
        if not list(last.ff.new_journals()):
            return number + 1
    return MOST_ROUNDS


def _update_all(last: Caller) -> int:
    applied = 0
    for _ in range(MOST_ROUNDS):
        some = last.ff.update(None)
        applied += some
        if not some:
            break
    return applied


def _store(plan: Plan) -> Store:
    if plan.folder is not None:
        return open_store(plan.url)
    bucket, _, prefix = plan.url.removeprefix("s3://").partition("/")
    return S3Store(SESSION.client("s3", **options(plan.environment)), bucket, prefix)


def _keys(store: Store) -> Iterator[str]:
    after = None
    while True:
        page = store.list("", after)
        yield from (entry.key for entry in page.entries)
        if not page.more:
            return
        after = page.entries[-1].key
