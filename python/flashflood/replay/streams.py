"""Event streams: anyone who has a journal's manifest and a URL of its blob can read it, without credentials.

`list_event_streams` makes them; `replay_event_stream` reads one, on any machine.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from urllib.parse import parse_qs, urlsplit

import orjson

from flashflood import layout
from flashflood._core import Batch, Manifest, Merge
from flashflood.context import Context
from flashflood.cursors import Place
from flashflood.dates import DateRange
from flashflood.events import Event
from flashflood.exceptions import FlashFloodCorruptionError, FlashFloodException
from flashflood.identifiers import JournalID
from flashflood.journals import manifest_fields
from flashflood.records.living import opened_between
from flashflood.store import SqliteStore
from flashflood.store.file_urls import url2pathname
from flashflood.store.late import importing
from flashflood.telemetry import iteration
from flashflood.turns import Events, SharedIterator

if TYPE_CHECKING:
    from flashflood.replay.remote_blob import RemoteBlob

BYTES_AT_A_TIME = 16_000_000
"""Bytes asked for at a time."""

ReadRange: TypeAlias = Callable[[int, int], bytes]
"""Gives the bytes from `start` to before `stop`; fewer, where there are fewer."""


def list_event_streams(ctx: Context, dates: DateRange) -> Iterator[dict[str, Any]]:
    """Give a stream for each living journal that overlaps the range: its manifest, and a `stream_url`.

    Of a journal that has been combined since the listing began, a stream leaves out the events that an earlier one has.
    """
    name = "list_event_streams"
    return SharedIterator(_streams(ctx, dates), name, iteration(name, ctx.store.name))


def _streams(ctx: Context, dates: DateRange) -> Generator[dict[str, Any], None, None]:
    for manifest, given in opened_between(ctx, dates):
        fields = manifest_fields(manifest, without=given)
        if fields["events"]:
            yield {**fields, "stream_url": ctx.store.url(layout.blob_key(JournalID(manifest.journal_id)))}


def replay_event_stream(
    event_stream: Mapping[str, Any],
    from_date: datetime | None = None,
    to_date: datetime | None = None,
    *,
    allow_file_urls: str | os.PathLike[str] | None = None,
) -> Iterator[Event]:
    """Yield a stream's events with from_date < date <= to_date, in (date, event_id) order.

    `event_stream` is a dict that `list_event_streams` gave; it may have gone through JSON. Only the bytes that the
    range needs are read, no redirect is followed, and nothing is read beyond what the stream announces. `file://` and
    `sqlite://` URLs are opened only under the folder `allow_file_urls`.

    A fault that may pass is tried again, as boto3 does; a body that breaks off is resumed at the byte reached.

    Raises `ValueError` for a bad range, `FlashFloodCorruptionError` for a stream whose fields or bytes are not what
    they should be, and `FlashFloodException` where the URL cannot be read. It expires after an hour, or earlier, with
    the credentials that signed it where these are temporary: list the streams again.
    """
    dates = DateRange.of(from_date, to_date)
    manifest, url = _checked(event_stream)
    what = f"event stream of journal {manifest.journal_id}"
    if urlsplit(url).scheme in ("file", "sqlite"):
        batches = _batches([_Source(manifest, _local_reader(url, allow_file_urls, what))], dates)
    else:
        batches = _remote_batches([(manifest, _remote(url, manifest, what))], dates)
    return Events((batch.events() for batch in batches), "this replay of an event stream")


def stream_batches(
    event_streams: Iterable[Mapping[str, Any]], dates: DateRange, after: Place | None
) -> Generator[Batch, None, None]:
    """Yield the events of several streams at URLs of the web, merged in (date, event_id) order, many at a time.

    `after`: only those beyond this place.
    """
    checked = map(_checked, event_streams)
    return _remote_batches(
        [
            (manifest, _remote(url, manifest, f"event stream of journal {manifest.journal_id}"))
            for manifest, url in checked
        ],
        dates,
        after,
    )


def _remote(url: str, manifest: Manifest, what: str) -> "RemoteBlob":
    with importing:  # urllib3 takes long
        from flashflood.replay.remote_blob import RemoteBlob  # noqa: PLC0415  as above
    return RemoteBlob(url, manifest.size, what)


class _Source(NamedTuple):
    """A journal, and what reads its blob."""

    manifest: Manifest
    read: ReadRange


def _remote_batches(
    sources: "Sequence[tuple[Manifest, RemoteBlob]]", dates: DateRange, after: Place | None = None
) -> Generator[Batch, None, None]:
    with ExitStack() as stack:
        for _, blob in sources:
            stack.enter_context(closing(blob))
        yield from _batches([_Source(manifest, blob.read) for manifest, blob in sources], dates, after)


def _batches(sources: Sequence[_Source], dates: DateRange, after: Place | None = None) -> Generator[Batch, None, None]:
    merge = Merge(dates.start, dates.end, after)
    for source in sources:
        for timestamp, event_id in merge.add(source.manifest):
            merge.decide(timestamp, event_id, None)  # there is no index to ask
    while (window := merge.window(None, BYTES_AT_A_TIME)) is not None:
        yield window.batch([sources[source].read(start, stop) for source, start, stop in window.requests])


def _checked(event_stream: Mapping[str, Any]) -> tuple[Manifest, str]:
    """Check that a stream has its fields, and that its events lie within the announced size."""
    try:
        url = event_stream["stream_url"]
        journal_id = JournalID.checked(event_stream["journal_id"], "event stream")
        body = orjson.dumps({name: event_stream[name] for name in ("journal_id", "size", "events")})
    except (KeyError, TypeError) as error:
        msg = f"this is no event stream, as list_event_streams gives it: {error!r}"
        raise FlashFloodCorruptionError(msg) from error
    if not isinstance(url, str):
        msg = f"event stream of journal {journal_id}: stream_url is {type(url).__name__}, not text"
        raise FlashFloodCorruptionError(msg, journal_id=journal_id)
    return Manifest.decode(journal_id, body), url


def _local_reader(url: str, folder: str | os.PathLike[str] | None, what: str) -> ReadRange:
    """Read byte ranges of what lies in a file under a folder, symbolic links resolved."""
    if folder is None:
        msg = f"{what}: {url} is a file; to read it, name the folder that it may lie in: allow_file_urls=<folder>"
        raise FlashFloodException(msg)
    parts = urlsplit(url)
    name = url2pathname(parts.path)
    path = Path(name.partition("\0")[0]).resolve()
    if parts.netloc not in ("", "localhost") or "\0" in name or not path.is_relative_to(Path(folder).resolve()):
        msg = f"{what}: {url} does not lie under {os.fspath(folder)}, the folder that allow_file_urls names"
        raise FlashFloodException(msg)
    read = _sqlite_reader(path, parts.query) if parts.scheme == "sqlite" else _file_reader(path)

    def read_or_say_why(start: int, stop: int) -> bytes:
        try:
            return read(start, stop)
        except FileNotFoundError as error:
            msg = f"{what}: {url} is gone; list the streams again"
            raise FlashFloodException(msg) from error
        except OSError as error:
            msg = f"{what}: {url} cannot be read: {error}"
            raise FlashFloodException(msg) from error

    return read_or_say_why


def _file_reader(path: Path) -> ReadRange:
    def read(start: int, stop: int) -> bytes:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(stop - start)

    return read


def _sqlite_reader(path: Path, query: str) -> ReadRange:
    store = SqliteStore(path)
    (key,) = parse_qs(query).get("key", [""])

    def read(start: int, stop: int) -> bytes:
        found = store.get(key, start, stop)
        if found is None:
            raise FileNotFoundError(key)
        return found.body

    return read
