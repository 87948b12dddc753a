"""The store in one SQLite file, or in memory.

A table has a row for each object. Data of more than `PART` bytes lie beside it, in parts: so some of an object's bytes
are read without the rest, and one larger than memory is written piece by piece. The schema is in
`flashflood.store.databases`.

Writers take turns, and wait for each other; readers wait for nobody (SQLite's WAL). A commit is written to the log and
not synced at once: `flush` syncs it, and with it all commits before. SQLite's log survives as it was up to some commit,
so that after a loss of power no later write is there without the earlier ones.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlencode

import orjson

from flashflood.exceptions import FlashFloodCorruptionError, FlashFloodException
from flashflood.store import sums
from flashflood.store.damage import damaged_pages, damaged_rows, spelled
from flashflood.store.databases import IN_MEMORY, REMEDY, File, Memory, explained
from flashflood.store.protocol import Body, Entry, Found, Page, Unused
from flashflood.telemetry import measured

PAGE_SIZE = 1000
"""Keys on a page of a listing, as on S3."""
WORKERS = 8
"""Threads at most that read much at a time: SQLite lets them read side by side."""
PART = 65_536
"""Bytes of a part, and of the largest data that lie in an object's own row."""
PARTS_AT_A_TIME = 64
"""Parts that are written in one transaction: others may write in between."""
PAGES_AT_A_TIME = 2_000
"""SQLite's pages that are given back in one transaction, so that writers need not wait for all."""
ABANDONED = 24 * 60 * 60
"""Seconds after which parts of an object that never came to be are taken for a killed writer's."""
_INSERT = """
INSERT INTO objects(key, size, modified, metadata, garbage, upload, key_sum, sum, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_CREATE = _INSERT + "ON CONFLICT(key) DO NOTHING"
_PUT = f"""{_INSERT}
ON CONFLICT(key) DO UPDATE SET size = excluded.size, modified = max(excluded.modified, modified + 1),
    metadata = excluded.metadata, garbage = excluded.garbage, upload = excluded.upload,
    key_sum = excluded.key_sum, sum = excluded.sum, body = excluded.body
"""
_GET = "SELECT size, modified, metadata, upload, sum, body FROM objects WHERE key = ?"
_EMPTY = """
INSERT INTO objects(key, size, modified, metadata, garbage, key_sum, sum, body) SELECT ?, 0, ?, ?, 0, ?, ?, x''
WHERE
"""
_CREATE_EMPTY = _EMPTY + "true ON CONFLICT(key) DO NOTHING"
_NONE = "NOT EXISTS (SELECT * FROM objects WHERE key >= ? AND key < ?)"
_CREATE_UNUSED = f"{_EMPTY}{_NONE} AND {_NONE}"
_LIST = """
SELECT key, size, modified, key_sum FROM objects WHERE key >= ? AND key < ? ORDER BY key LIMIT ?
"""
_GET_PARTS = "SELECT number, sum, body FROM parts WHERE upload = ? AND number BETWEEN ? AND ? ORDER BY number"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_Listed: TypeAlias = tuple[bytes, int, int, int]
"""A row of a listing."""


@measured("create_unused")
class SqliteStore:
    """Objects in a SQLite file; see `flashflood.store.protocol.Store` for what each method promises.

    Errors of SQLite are `FlashFloodException`s that name the file; `FlashFloodCorruptionError` where it is damaged.
    """

    address: str | None

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Use the file `path`, which the first write makes where it is missing."""
        absolute = Path(path).absolute()
        self.name = str(absolute)
        self.address = f"sqlite{absolute.as_uri().removeprefix('file')}"
        self._begin(File(absolute))

    @classmethod
    def in_memory(cls) -> "SqliteStore":
        """Make an empty store in memory, which goes with it. It belongs to the process that makes it."""
        self = cls.__new__(cls)
        self.name = IN_MEMORY
        self.address = None
        self._begin(Memory())
        return self

    def _begin(self, database: File | Memory) -> None:
        self.root_prefix = ""
        self.workers = min(WORKERS, os.cpu_count() or 1)
        self.is_near = True
        self.keys_per_listing = 8
        self._database = database
        self._sync_lock = threading.Lock()
        self._is_unsynced = False
        self._is_swept = False

    def get(self, key: str, start: int | None = None, stop: int | None = None, /) -> Found | None:
        """Read an object or a part of it."""
        encoded, first = _encoded(key), start or 0
        before = None
        with self._using(creating=False) as connection:
            while connection is not None and (found := connection.execute(_GET, (encoded,)).fetchall()):
                size, modified, metadata, upload, sum_, body = found[0]
                if not sums.is_row(encoded, size, metadata, upload, body, sum_):
                    raise self._changed(encoded)
                end = size if stop is None else min(stop, size)
                own = upload is None
                body = body[first:end] if own else self._from_parts(connection, encoded, upload, first, end)
                if len(body) >= end - first:
                    return Found(body, orjson.loads(metadata), self._date(encoded, modified))
                if upload == before:
                    message = self._line(f"{end - first - len(body)} bytes of {key} are missing")
                    raise FlashFloodCorruptionError(message, key=key)
                before = upload  # and its parts have gone: the object is another one by now
        return None

    def head(self, key: str, /) -> Found | None:
        """Read an object's metadata."""
        return self.get(key, 0, 0)

    def put(
        self,
        key: str,
        body: Body | Iterable[bytes],
        /,
        *,
        metadata: Mapping[str, str] | None = None,
        garbage: bool = False,
    ) -> None:
        """Write an object, in the place of one that is there."""
        self._write(_PUT, key, body, metadata, garbage=garbage)

    def create(self, key: str, body: Body, /, *, metadata: Mapping[str, str] | None = None) -> bool:
        """Write an object if the key is free; of several threads and processes one succeeds."""
        return self._write(_CREATE, key, body, metadata, garbage=False)

    def create_unused(self, objects: Sequence[Unused], /) -> list[bool]:
        """Create the objects that may be created, in one transaction, and in the order in which they will lie."""
        now = _now()
        made = [False] * len(objects)
        with self._writing() as connection:
            for number in sorted(range(len(objects)), key=lambda number: objects[number].key):
                key, metadata, prefixes = objects[number]
                encoded, fields = _encoded(key), _in_json(metadata)
                of_key = sums.key_sum(encoded, 0)
                row = encoded, now, fields, of_key, sums.row_sum(of_key, fields.encode(), None, None)
                if prefixes is None:
                    made[number] = connection.execute(_CREATE_EMPTY, row).rowcount == 1
                else:
                    one, other = prefixes
                    made[number] = (
                        connection.execute(_CREATE_UNUSED, (*row, *_bounds(one), *_bounds(other))).rowcount == 1
                    )
        return made

    def delete(self, keys: Sequence[str], /) -> None:
        """Delete objects, all in one transaction."""
        encoded = [(_encoded(key),) for key in keys]
        if encoded:
            with self._writing() as connection:
                connection.executemany("DELETE FROM objects WHERE key = ?", encoded)

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        """List one page of keys, dated by the local clock."""
        date = datetime.now(UTC)
        first, end = _bounds(prefix)
        if after is not None:
            first = max(first, _encoded(after) + b"\0")
        with self._using(creating=False) as connection:
            found = [] if connection is None else connection.execute(_LIST, (first, end, PAGE_SIZE + 1)).fetchall()
        self._check_listing(found, first, end)
        entries = [
            Entry(key.decode(), size, self._date(key, modified)) for key, size, modified, *_ in found[:PAGE_SIZE]
        ]
        return Page(entries, len(found) > PAGE_SIZE, date)

    def mark_garbage(self, key: str, /) -> bool:
        """Note of an object that it is garbage."""
        with self._writing() as connection:
            return connection.execute("UPDATE objects SET garbage = 1 WHERE key = ?", (_encoded(key),)).rowcount == 1

    def url(self, key: str, /) -> str:
        """Give a `sqlite://` URL of the file with the key, which `replay_event_stream` reads on this machine."""
        if self.address is None:
            message = f"{self.name} has no URLs: nobody else can read this process's memory. Open a file."
            raise FlashFloodException(message)
        return f"{self.address}?{urlencode({'key': key})}"

    def flush(self) -> None:
        """Sync what has been written: after this returns, no loss of power takes it away.

        A thread that comes while another one syncs waits, and finds its write synced, or syncs itself.
        """
        with self._sync_lock:
            if self._is_unsynced:
                self._is_unsynced = False  # before the sync, so that a write beside it is not taken for synced
                try:
                    self._database.sync()
                except BaseException:
                    self._is_unsynced = True
                    raise

    def give_back(self) -> None:
        """Give the space of what was deleted back to the file system."""
        with self._using(creating=False) as connection:
            if connection is not None:
                ((free,),) = connection.execute("PRAGMA freelist_count")
                for _ in range(0, free, PAGES_AT_A_TIME):  # by `execute` it would stop after a page
                    connection.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_A_TIME})")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close the connections: those that are in use when they are given back. What is in memory is gone."""
        self._database.close()

    def damage(self) -> Sequence[str]:
        """Read the whole file, as it is at one moment, and say what is damaged in it."""
        found: list[str] = []
        try:
            with self._using(creating=False) as connection:
                if connection is not None:
                    connection.execute("BEGIN")
                    found.extend(damaged_pages(connection))  # and keeps what came before SQLite gives up
                    found.extend(damaged_rows(connection))
                    connection.execute("ROLLBACK")
        except FlashFloodCorruptionError as error:
            return [*map(self._line, found), str(error)]
        return [self._line(what) for what in found]

    def _write(
        self,
        statement: str,
        key: str,
        body: Body | Iterable[bytes],
        metadata: Mapping[str, str] | None,
        *,
        garbage: bool,
    ) -> bool:
        encoded, fields = _encoded(key), _in_json(metadata)
        parts = _cut((body,) if isinstance(body, Body) else body)
        first, second = next(parts), next(parts, None)
        if second is None:
            with self._writing() as connection:
                of_key = sums.key_sum(encoded, len(first))
                of_row = sums.row_sum(of_key, fields.encode(), None, first)
                row = encoded, len(first), _now(), fields, int(garbage), None, of_key, of_row, first
                return connection.execute(statement, row).rowcount == 1
        upload, size = self._upload(chain((first, second), parts))
        with self._writing() as connection:
            is_whole = connection.execute("DELETE FROM uploads WHERE id = ?", (upload,)).rowcount == 1
            of_key = sums.key_sum(encoded, size)
            of_row = sums.row_sum(of_key, fields.encode(), upload, None)
            values = encoded, size, _now(), fields, int(garbage), upload, of_key, of_row, None
            is_written = is_whole and connection.execute(statement, values).rowcount == 1
            if not is_written:
                connection.execute("DELETE FROM parts WHERE upload = ?", (upload,))
        if not is_whole:
            message = f"{self.name}: writing {key} took more than a day, and its parts are gone: write it again"
            raise FlashFloodException(message, key=key)
        return is_written

    def _upload(self, parts: Iterator[bytes]) -> tuple[int, int]:
        """Write the parts, some in each transaction; give the upload's id and the bytes."""
        with self._writing() as connection:
            self._sweep(connection)
            connection.execute("INSERT INTO uploads(begun) VALUES (?)", (_now(),))
            ((upload,),) = connection.execute("SELECT last_insert_rowid()")
        size = number = 0
        while some := list(islice(parts, PARTS_AT_A_TIME)):
            rows = [
                (upload, number, sums.part_sum(upload, number, part), part) for number, part in enumerate(some, number)
            ]
            with self._writing() as connection:
                connection.executemany("INSERT INTO parts VALUES (?, ?, ?, ?)", rows)
            number += len(some)
            size += sum(map(len, some))
        return upload, size

    def _from_parts(self, connection: sqlite3.Connection, encoded: bytes, upload: int, first: int, stop: int) -> bytes:
        """Read the bytes from `first` to before `stop`, and of the parts only those that have some of them."""
        if stop <= first:
            return b""
        found = connection.execute(_GET_PARTS, (upload, first // PART, (stop - 1) // PART)).fetchall()
        for number, sum_, body in found:
            if not sums.is_part(upload, number, body, sum_):
                raise self._changed(encoded)
        skipped = first // PART * PART
        return b"".join([body for _, _, body in found])[first - skipped : stop - skipped]

    def _check_listing(self, found: Iterable[_Listed], first: bytes, end: bytes) -> None:
        """`FlashFloodCorruptionError` for a row that is not as it was written, or where it does not belong."""
        for key, size, _, of_key in found:
            if not sums.is_key(key, size, of_key):
                raise self._changed(key)
            if not first <= key < end:
                what = f"{spelled(key)} is not where it belongs"
                raise FlashFloodCorruptionError(self._line(what), key=spelled(key))
            first = key + b"\0"

    def _date(self, key: bytes, microseconds: int) -> datetime:
        try:
            return _EPOCH + microseconds * _MICROSECOND
        except (TypeError, OverflowError) as error:
            raise self._changed(key) from error

    def _changed(self, key: bytes) -> FlashFloodCorruptionError:
        name = spelled(key)
        return FlashFloodCorruptionError(self._line(f"{name} is not as it was written"), key=name)

    def _line(self, what: str) -> str:
        return f"{self.name} is damaged: {what}; {REMEDY}"

    def _sweep(self, connection: sqlite3.Connection) -> None:
        """Remove the parts of writers that were killed; once for each store."""
        if not self._is_swept:
            self._is_swept = True
            old = _now() - ABANDONED * 1_000_000
            connection.execute("DELETE FROM parts WHERE upload IN (SELECT id FROM uploads WHERE begun < ?)", (old,))
            connection.execute("DELETE FROM uploads WHERE begun < ?", (old,))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction, which is there as a whole or not at all."""
        with self._using(creating=True) as connection:
            if connection is None:
                raise AssertionError
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        self._is_unsynced = True

    @contextmanager
    def _using(self, *, creating: bool) -> Iterator[sqlite3.Connection | None]:
        """Use a connection; None: there is no file, nor is one to be made. SQLite's errors are explained."""
        try:
            with self._database.connected(creating=creating) as connection:
                yield connection
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter where SQLite's message names what is damaged
            raise explained(self.name, error) from error


def _cut(pieces: Iterable[Body]) -> Iterator[bytes]:
    """Cut what the pieces make together into parts; at least one, which may be empty."""
    part = bytearray()
    is_first = True
    for piece in pieces:
        rest = memoryview(piece)
        while len(part) + len(rest) > PART:
            room = PART - len(part)
            yield bytes(part) + bytes(rest[:room])
            is_first = False
            part.clear()
            rest = rest[room:]
        part += rest
    if part or is_first:
        yield bytes(part)


def _encoded(key: str) -> bytes:
    try:
        return key.encode()
    except UnicodeEncodeError:
        message = f"{key!r} cannot be a key: it holds a lone surrogate. Use another id."
        raise FlashFloodException(message, key=key) from None


def _bounds(prefix: str) -> tuple[bytes, bytes]:
    """Give the first key that can begin so, and what comes after all of them: no byte of UTF-8 is 255."""
    first = _encoded(prefix)
    return first, first[:-1] + bytes([first[-1] + 1]) if first else b"\xff"


def _in_json(metadata: Mapping[str, str] | None) -> str:
    return orjson.dumps(metadata or {}).decode()


def _now() -> int:
    return (datetime.now(UTC) - _EPOCH) // _MICROSECOND
