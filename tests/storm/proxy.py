"""The proxy: a process between the workers and a server, which does to requests what networks and gateways do.

Each of its faults is a line in its log, beside those of the workers.
"""

import asyncio
import random
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

from . import messages
from .log import Log
from .messages import Message
from .plan import FAULTS, Times
from .worker import die_with_parent

MOST_OFF = 5
"""Seconds by which an answer's date is off at most."""
_KEY = re.compile(rb"<Key>(.*?)</Key>")
_OBJECT = re.compile(rb"<Object>.*?</Object>")


@dataclass(frozen=True)
class Proxying:
    """How to serve."""

    target: str
    """The server's URL."""
    faults: frozenset[str]
    seed: str
    times: Times
    logs: str
    conditional: bool
    """Whether If-None-Match goes through."""


class BrokenError(Exception):
    """The connection is to be broken off."""


Forward = Callable[[Message], Awaitable[Message]]


def serve(how: Proxying, told: Connection) -> None:
    """Serve until this process ends; tell the URL."""
    die_with_parent()
    asyncio.run(_Proxy(how).serve(told))


class _Proxy:
    def __init__(self, how: Proxying) -> None:
        self._how = how
        self._chance = random.Random(f"{how.seed} proxy")  # noqa: S311 - to be repeated, not to be secret
        self._log = Log(how.logs, "proxy")
        self._tasks: set[asyncio.Task[None]] = set()
        target = urlsplit(how.target)
        self._host, self._port = target.hostname or "", target.port or 80
        self._before: dict[str, Callable[[Message], Awaitable[Message]]] = {
            "reset": self._reset,
            "lose answer": self._lose_answer,
            "delay": self._delay,
            "duplicate": self._duplicate,
            "copy later": self._copy_later,
            "hold": self._hold,
            "503": self._slow_down,
            "500": self._internal_error,
            "500 but done": self._error_but_done,
            "half a delete": self._half_a_delete,
            "ignore range": self._ignore_range,
            "date off": self._date_off,
        }

    async def serve(self, told: Connection) -> None:
        server = await asyncio.start_server(self._client, "127.0.0.1", 0, limit=messages.LARGEST_HEAD)
        told.send(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await server.serve_forever()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._keep(asyncio.current_task())
        with suppress(OSError, asyncio.IncompleteReadError):
            try:
                while request := await messages.read_request(reader, writer):
                    await self._request(request, writer)
            except BrokenError:
                own: socket.socket = writer.get_extra_info("socket")
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, no end
                writer.transport.abort()
        writer.close()

    def _keep(self, task: asyncio.Task[None] | None) -> None:
        """Keep a task until it has ended: the loop itself does not."""
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _request(self, request: Message, writer: asyncio.StreamWriter) -> None:
        if not self._how.conditional:
            request = request.without(b"if-none-match")
        fault = self._choose(request)
        answer = await self._before.get(fault, self._forward)(request)
        is_head = request.method == "HEAD"
        if fault == "cut body" and len(answer.body) > 1:
            await messages.send(writer, answer, cut=self._chance.randrange(len(answer.body)))
            raise BrokenError
        await messages.send(writer, answer, is_head=is_head)

    def _choose(self, request: Message) -> str:
        """Choose what happens to a request: mostly nothing."""
        for name, part in FAULTS.items():
            if name in self._how.faults and self._chance.random() < part and self._can_be(name, request):
                self._log.note(fault=name, request=f"{request.method} {request.target}")
                return name
        return ""

    @staticmethod
    def _can_be(name: str, request: Message) -> bool:
        match name:
            case "cut body":
                return request.method == "GET"
            case "ignore range":
                return request.get(b"range") is not None
            case "half a delete":
                return request.target.endswith("?delete") and len(_OBJECT.findall(request.body)) > 1
        return True

    async def _forward(self, request: Message) -> Message:
        try:
            return await messages.forward(self._host, self._port, request)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise BrokenError from error

    async def _reset(self, _: Message) -> Message:
        raise BrokenError

    async def _lose_answer(self, request: Message) -> Message:
        await self._forward(request)
        raise BrokenError

    async def _delay(self, request: Message) -> Message:
        """Let it wait, for less than a client does."""
        await asyncio.sleep(self._chance.uniform(0, self._how.times.timeout * 0.8))
        return await self._forward(request)

    async def _duplicate(self, request: Message) -> Message:
        """Send it twice at one time, as a gateway does that tries again; one of the answers counts."""
        answers = await asyncio.gather(self._forward(request), self._forward(request))
        return self._chance.choice(answers)

    async def _copy_later(self, request: Message) -> Message:
        """Send it once more, when its client has long gone on: a first attempt that was held up on its way."""
        answer = await self._forward(request)
        self._keep(asyncio.create_task(self._send_later(request)))
        return answer

    async def _send_later(self, request: Message) -> None:
        with suppress(BrokenError):
            await self._hold(request)

    async def _hold(self, request: Message) -> Message:
        """Hold it back until its client has given up or is dead, and let it through then."""
        await asyncio.sleep(self._chance.uniform(0, self._how.times.hold))
        return await self._forward(request)

    async def _slow_down(self, _: Message) -> Message:
        return messages.failure(HTTPStatus.SERVICE_UNAVAILABLE, "SlowDown")

    async def _internal_error(self, _: Message) -> Message:
        return messages.failure(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError")

    async def _error_but_done(self, request: Message) -> Message:
        await self._forward(request)
        return messages.failure(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError")

    async def _half_a_delete(self, request: Message) -> Message:
        """Leave one object of a batch delete out, and say so: each of its keys succeeds or fails by itself."""
        left = self._chance.choice(_OBJECT.findall(request.body))
        key = _KEY.search(left)
        answer = await self._forward(replace(request, body=request.body.replace(left, b"", 1)))
        why = b"<Error><Key>%s</Key><Code>InternalError</Code><Message>the storm</Message></Error>"
        named = why % (key[1] if key else b"")
        return replace(answer, body=answer.body.replace(b"</DeleteResult>", named + b"</DeleteResult>"))

    async def _ignore_range(self, request: Message) -> Message:
        """Answer with the whole object, as a gateway does that knows no ranges."""
        return await self._forward(request.without(b"range"))

    async def _date_off(self, request: Message) -> Message:
        """Stamp the answer by another clock than the objects'."""
        answer = await self._forward(request)
        date = answer.get(b"date")
        if date is None:
            return answer
        off = parsedate_to_datetime(date.decode()) + timedelta(seconds=self._chance.randint(-MOST_OFF, MOST_OFF))
        stamped = (b"Date", format_datetime(off, usegmt=True).encode())
        return replace(answer, headers=[*answer.without(b"date").headers, stamped])
