"""Event streams: journals that anyone can read who has their manifest and a URL of their blob, without credentials.

`list_event_streams` makes them; `replay_event_stream` reads one, on any machine.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

import orjson
import urllib3

from flashflood import layout
from flashflood._core import Manifest, Merge
from flashflood.context import Context
from flashflood.dates import DateRange
from flashflood.events import Event
from flashflood.exceptions import FlashFloodCorruptionError, FlashFloodException
from flashflood.identifiers import JournalID
from flashflood.listing import opened_between

WINDOW = 16_000_000
"""Bytes asked for at a time."""
_REDIRECTIONS = range(300, 400)
_REFUSALS: dict[int, str] = {
    HTTPStatus.OK: "the server does not send the byte range that it was asked for",
    HTTPStatus.PARTIAL_CONTENT: "the server sends another byte range than it was asked for",
    HTTPStatus.FORBIDDEN: "access is denied; the URL may have expired: list the streams again",
    HTTPStatus.NOT_FOUND: "the journal is gone; list the streams again",
}

Reader: TypeAlias = Callable[[int, int], bytes]
"""Gives the bytes from `start` to `stop` (past the end); fewer, where there are fewer."""


def list_event_streams(ctx: Context, dates: DateRange) -> Iterator[dict[str, Any]]:
    """Yield a stream for each living journal that overlaps the range: its manifest, and a `stream_url`.

    Of a journal that has been combined since the listing began, a stream leaves out the events that an earlier one has.
    """
    for manifest, given in opened_between(ctx, dates):
        fields = manifest_fields(manifest, without=given)
        if fields["events"]:
            yield {**fields, "stream_url": ctx.store.url(layout.blob_key(JournalID(manifest.journal_id)))}


def manifest_fields(manifest: Manifest, *, without: Collection[str] = ()) -> dict[str, Any]:
    """Give a manifest's fields as 0.4.3 has them, without the rows that came from some journals."""
    events = manifest.events()
    if without:
        rows = zip(events, manifest.rows(), strict=True)
        events = [event for event, row in rows if row.source not in without]
    return {
        "journal_id": JournalID(manifest.journal_id),
        "from_date": events[0]["timestamp"] if events else JournalID(manifest.journal_id).start,
        "to_date": events[-1]["timestamp"] if events else JournalID(manifest.journal_id).end,
        "size": manifest.size,
        "events": events,
    }


def replay_event_stream(
    event_stream: Mapping[str, Any],
    from_date: datetime | None = None,
    to_date: datetime | None = None,
    *,
    allow_file_urls: str | os.PathLike[str] | None = None,
) -> Iterator[Event]:
    """Yield a stream's events with from_date < date <= to_date, in (date, event_id) order.

    `event_stream` is a dict that `list_event_streams` gave; it may have gone through JSON. Only the bytes that the
    range needs are read, no redirect is followed, and nothing is read beyond what the stream announces. `file://` URLs
    are opened only under the folder `allow_file_urls`.

    Raises `ValueError` for a bad range, `FlashFloodCorruptionError` for a stream whose fields or bytes are not what
    they should be, and `FlashFloodException` where the URL cannot be read (it expires after an hour: list the streams
    again).
    """
    dates = DateRange.of(from_date, to_date)
    manifest, url = _checked(event_stream)
    reader = _file_reader(url, allow_file_urls) if urlsplit(url).scheme == "file" else _web_reader(url)
    return _events(manifest, dates, reader)


def _events(manifest: Manifest, dates: DateRange, read: Reader) -> Iterator[Event]:
    merge = Merge(dates.start, dates.end)
    merge.add(manifest)
    while (window := merge.window(None, WINDOW)) is not None:
        yield from window.batch([read(start, stop) for _, start, stop in window.requests]).events()


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
        raise FlashFloodCorruptionError(msg)
    return Manifest.decode(journal_id, body), url


def _web_reader(url: str) -> Reader:
    """Read byte ranges over HTTP(S); follow no redirect, and read no more than was asked for."""
    if urlsplit(url).scheme not in ("http", "https"):
        msg = (
            f"event stream: {urlsplit(url).scheme!r} URLs are not read; use http, https or (with allow_file_urls) file"
        )
        raise FlashFloodException(msg)
    pool = urllib3.PoolManager(retries=urllib3.Retry(total=3, redirect=False, backoff_factor=0.1), timeout=60.0)

    def read(start: int, stop: int) -> bytes:
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        try:
            response = pool.request("GET", url, headers=headers, redirect=False, preload_content=False)
            try:
                _check_status(response, url, start, stop)
                return response.read(stop - start, decode_content=False)
            finally:
                response.close()
        except urllib3.exceptions.HTTPError as error:
            why = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else error
            msg = f"event stream: {_without_query(url)} cannot be read: {why}"
            raise FlashFloodException(msg) from error

    return read


def _file_reader(url: str, folder: str | os.PathLike[str] | None) -> Reader:
    """Read byte ranges of a file that lies under a folder, symbolic links resolved."""
    if folder is None:
        msg = f"event stream: {url} is a file; to read it, name the folder that it may lie in: allow_file_urls=<folder>"
        raise FlashFloodException(msg)
    parts = urlsplit(url)
    name = unquote(parts.path)
    path = Path(name.partition("\0")[0]).resolve()
    if parts.netloc not in ("", "localhost") or "\0" in name or not path.is_relative_to(Path(folder).resolve()):
        msg = f"event stream: {url} does not lie under {os.fspath(folder)}, the folder that allow_file_urls names"
        raise FlashFloodException(msg)

    def read(start: int, stop: int) -> bytes:
        try:
            with path.open("rb") as file:
                file.seek(start)
                return file.read(stop - start)
        except OSError as error:
            msg = f"event stream: {url} cannot be read: {error}"
            raise FlashFloodException(msg) from error

    return read


def _check_status(response: urllib3.BaseHTTPResponse, url: str, start: int, stop: int) -> None:
    sent = response.headers.get("Content-Range", "")
    if response.status == HTTPStatus.PARTIAL_CONTENT and sent.startswith(f"bytes {start}-"):
        return
    if response.status == HTTPStatus.OK and start == 0 and response.headers.get("Content-Length") == str(stop):
        return
    why = _REFUSALS.get(
        response.status, "redirects are not followed" if response.status in _REDIRECTIONS else "no bytes came"
    )
    msg = f"event stream: {_without_query(url)} answers {response.status}: {why}"
    raise FlashFloodException(msg)


def _without_query(url: str) -> str:
    """Leave the signature of a presigned URL out of messages."""
    return url.partition("?")[0]
