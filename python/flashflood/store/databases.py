"""Connections to a SQLite database: a file, or memory.

A connection is used by one thread at a time, in the process that opened it: SQLite's do not survive a fork. The file
says that it is a FlashFlood store (`application_id`), and which version of the schema it has (`user_version`).
"""

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from flashflood.exceptions import FlashFloodCorruptionError, FlashFloodException
from flashflood.store.protocol import closed

PATIENCE = 60
"""Seconds that a writer waits for others."""
APPLICATION = 0x464C4664
"""SQLite's `application_id` of our files: `FLFd`."""
IN_MEMORY = "memory://"
"""The name of each store in memory."""
VERSION = 2
"""SQLite's `user_version` of our files: of the schema. Files of version 1 had no checksums; no release wrote them."""

SCHEMA = """
CREATE TABLE objects(
    key BLOB PRIMARY KEY, -- in UTF-8
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL, -- microseconds since 1970
    metadata TEXT NOT NULL, -- JSON
    garbage INTEGER NOT NULL,
    upload INTEGER, -- whose parts are the data
    key_sum INTEGER NOT NULL, -- CRC-32: see flashflood.store.sums
    sum INTEGER NOT NULL,
    body BLOB -- the data, where they are no parts
) WITHOUT ROWID;

CREATE TABLE uploads(id INTEGER PRIMARY KEY AUTOINCREMENT, begun INTEGER NOT NULL);

CREATE TABLE parts(
    upload INTEGER NOT NULL,
    number INTEGER NOT NULL,
    sum INTEGER NOT NULL, -- CRC-32: see flashflood.store.sums
    body BLOB NOT NULL,
    UNIQUE(upload, number)
);

CREATE TRIGGER deleted AFTER DELETE ON objects WHEN old.upload IS NOT NULL
    BEGIN DELETE FROM parts WHERE upload = old.upload; END;

CREATE TRIGGER replaced AFTER UPDATE OF upload ON objects WHEN old.upload IS NOT NULL AND old.upload IS NOT new.upload
    BEGIN DELETE FROM parts WHERE upload = old.upload; END;
"""

REMEDY = "restore it from a copy, or save what can be read as docs/sqlite-file.md says"
"""What to do about a damaged file."""

_CACHE = -16_000
"""Pages that a connection keeps: SQLite takes a negative number as KiB."""
_CHECKPOINT = 8_000
"""Pages in the log at which it is written to the database: one that many commits change is written once."""
_WRITE_LOCK = 120
"""The byte of the `-shm` file that a writer locks (https://sqlite.org/walformat.html#wal_locks)."""


class _Connection(sqlite3.Connection):
    """A connection that knows the pool that it belongs to."""

    pool: "list[_Connection]"


class File:
    """A database in a file."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet."""
        self._path = path
        self._pools: dict[tuple[int, int, int], list[_Connection]] = {}
        """Connections that nobody uses, by process and by the file's device and inode."""
        self._is_closed = False
        self._synced_log: int | None = None
        weakref.finalize(self, _close, self._pools)

    @contextmanager
    def connected(self, *, creating: bool) -> Iterator[sqlite3.Connection | None]:
        """Give a connection to use. None: there is no store yet, nor is one to be made."""
        connection = self._taken(creating=creating)
        try:
            yield connection
        finally:
            if connection is not None:
                if connection.in_transaction:  # Ctrl-C came before its user could end it
                    connection.close()
                else:
                    connection.pool.append(connection)
                    if self._is_closed:
                        _close(self._pools)

    def close(self) -> None:
        """Close the connections that nobody uses; the others once they are given back. No more are opened."""
        self._is_closed = True
        _close(self._pools)

    def sync(self) -> None:
        """Sync the log, and the folder where the log is a new file."""
        with suppress(FileNotFoundError):  # else all of it is in the database, which was synced then
            log = os.open(f"{self._path}-wal", os.O_RDWR)
            try:
                os.fsync(log)
                number = os.fstat(log).st_ino
            finally:
                os.close(log)
            if number != self._synced_log:
                _sync_folder(self._path.parent)
                self._synced_log = number

    def _taken(self, *, creating: bool) -> _Connection | None:
        while True:
            if self._is_closed:
                raise closed(str(self._path))
            before = self._pool()
            if before is None and not creating:
                return None
            if before:
                with suppress(IndexError):  # another thread has taken it
                    return before.pop()
            connection = self._opened(creating=creating)
            if connection is None:
                return None
            after = self._pool()
            if after is not None and (before is None or before is after):
                connection.pool = after
                return connection
            connection.close()  # another file has taken its place meanwhile

    def _pool(self) -> list[_Connection] | None:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return None
        return self._pools.setdefault((os.getpid(), there.st_dev, there.st_ino), [])

    def _opened(self, *, creating: bool) -> _Connection | None:
        mode = "rwc" if creating else "rw"
        connection = sqlite3.connect(
            f"file:{quote(self._path.as_posix())}?mode={mode}",
            uri=True,
            timeout=PATIENCE,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        try:
            is_empty = not _has_schema(connection, str(self._path))
            if is_empty and creating:
                _make(connection)
                _sync_folder(self._path.parent)
            if is_empty and not creating:
                connection.close()
                return None
            connection.text_factory = bytes
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA cache_size = {_CACHE}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT}")
        except BaseException:
            connection.close()
            raise
        return connection


class Memory:
    """A database in memory: one connection, for one thread at a time."""

    def __init__(self) -> None:
        """Make an empty one."""
        self._process = os.getpid()
        self._is_closed = False
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.text_factory = bytes
        self._connection.executescript(SCHEMA)
        weakref.finalize(self, self._connection.close)

    @contextmanager
    def connected(self, *, creating: bool) -> Iterator[sqlite3.Connection | None]:  # noqa: ARG002  as `File` has it
        """Give the connection to use."""
        if os.getpid() != self._process:
            msg = f"a store in memory belongs to process {self._process}, which opened it: open a file to share it"
            raise FlashFloodException(msg)
        with self._lock:
            if self._is_closed:
                raise closed(IN_MEMORY)
            try:
                yield self._connection
            finally:
                if self._connection.in_transaction:  # as above
                    self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of what is in it, once nobody uses it. In a forked child there is nothing of it."""
        if os.getpid() == self._process:
            with self._lock:
                self._is_closed = True
                self._connection.close()

    def sync(self) -> None:
        """Do nothing: memory is not kept."""


def explained(name: str, error: Exception) -> Exception:
    """Give the error that a user gets for SQLite's."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            who = _writer(name)
            return FlashFloodException(f"{name}: {who} has been writing for more than {PATIENCE} seconds; try again")
        case sqlite3.SQLITE_NOTADB:
            what = "is no FlashFlood store, nor any SQLite database, or its beginning is damaged"
            return FlashFloodException(f"{name} {what}; name another file, or restore it from a copy")
        case sqlite3.SQLITE_CORRUPT:
            return FlashFloodCorruptionError(f"{name} is damaged ({error}); {REMEDY}")
        case sqlite3.SQLITE_CANTOPEN if Path(name).is_dir():
            return FlashFloodException(f"{name} is a folder; open it as {name}/, or name a file")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN:
            return FlashFloodException(
                f"{name}: {error}. SQLite writes beside the file even to read it: the file and its folder must be there"
                " and be writable"
            )
        case _:
            return FlashFloodException(f"{name}: SQLite says: {error}")


def _has_schema(connection: sqlite3.Connection, name: str) -> bool:
    """Whether the tables are there. `FlashFloodException` if the file is another program's, or a later version's."""
    connection.execute("BEGIN")  # all at one moment: another process may be making them
    ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_schema")
    ((application,),) = connection.execute("PRAGMA application_id")
    ((version,),) = connection.execute("PRAGMA user_version")
    connection.execute("ROLLBACK")
    if not application and not tables:
        return False
    if application != APPLICATION:
        msg = f"{name} is no FlashFlood store: it is another program's SQLite database; name another file"
        raise FlashFloodException(msg)
    if version > VERSION:
        msg = f"{name} has version {version} of the schema, this flashflood-rs knows {VERSION}: install a newer one"
        raise FlashFloodException(msg)
    if version < VERSION:
        msg = f"{name} has version {version} of the schema, from before the release: replay it with what wrote it"
        raise FlashFloodException(msg)
    return True


def _make(connection: sqlite3.Connection) -> None:
    """Make the tables, unless another process has been faster."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    _patiently(connection, "PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_schema")
        if not tables:
            for statement in SCHEMA.strip().split(";\n\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Execute what SQLite does not wait with."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.005)
        else:
            return


def _writer(name: str) -> str:
    """Say which process writes to a database: Linux tells who has the lock."""
    with suppress(OSError, ValueError, IndexError):
        number = Path(f"{name}-shm").stat().st_ino
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()
            if fields[5].endswith(f":{number}") and fields[3] == "WRITE" and int(fields[6]) == _WRITE_LOCK:
                return f"process {fields[4]}"
    return "another process"


def _close(pools: dict[tuple[int, int, int], list[_Connection]]) -> None:
    """Close this process's connections; a child forked from it leaves them alone."""
    for (process, *_), pool in list(pools.items()):
        with suppress(IndexError):  # another thread closes them too
            while process == os.getpid() and pool:
                pool.pop().close()


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
