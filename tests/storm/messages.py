"""As much of HTTP/1.1 as the proxy needs: requests and answers that are read whole, and passed on as they came."""

import asyncio
from dataclasses import dataclass, replace
from http import HTTPStatus

LARGEST_HEAD = 1 << 20
Header = tuple[bytes, bytes]


@dataclass(frozen=True)
class Message:
    """A request or an answer."""

    first: bytes
    """The request line or the status line."""
    headers: list[Header]
    body: bytes

    def get(self, name: bytes) -> bytes | None:
        return next((value for found, value in self.headers if found.lower() == name), None)

    def without(self, *names: bytes) -> "Message":
        return replace(self, headers=[header for header in self.headers if header[0].lower() not in names])

    @property
    def method(self) -> str:
        return self.first.split(b" ", 1)[0].decode()

    @property
    def target(self) -> str:
        return self.first.split(b" ")[1].decode()

    @property
    def status(self) -> int:
        return int(self.first.split(b" ")[1])


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Message | None:
    """Read a request; ask for its body where the client waits for that. None: there is none any more."""
    head = await _read_head(reader)
    if head is None:
        return None
    if head.get(b"expect"):
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
    body = await reader.readexactly(int(head.get(b"content-length") or 0))
    return replace(head, body=body)


async def forward(host: str, port: int, request: Message) -> Message:
    """Send a request to a server, over a connection of its own, and read the whole answer."""
    reader, writer = await asyncio.open_connection(host, port, limit=LARGEST_HEAD)
    try:
        sent = request.without(b"expect", b"connection", b"content-length")
        writer.write(_encode(sent, [(b"Connection", b"close"), (b"Content-Length", b"%d" % len(request.body))]))
        writer.write(request.body)
        await writer.drain()
        head = await _read_head(reader)
        while head is not None and head.status == HTTPStatus.CONTINUE:
            head = await _read_head(reader)
        if head is None:
            message = "the server gave no answer"
            raise ConnectionResetError(message)
        return await _with_body(reader, head, is_head=request.method == "HEAD")
    finally:
        writer.close()


async def send(writer: asyncio.StreamWriter, answer: Message, *, is_head: bool = False, cut: int | None = None) -> None:
    """Send an answer, its body only up to `cut`, though its head tells of all of it."""
    length = answer.get(b"content-length") if is_head else b"%d" % len(answer.body)
    passed = answer.without(b"content-length", b"transfer-encoding", b"connection")
    writer.write(_encode(passed, [] if length is None else [(b"Content-Length", length)]))
    writer.write(b"" if is_head else answer.body[:cut])
    await writer.drain()


def failure(status: int, code: str) -> Message:
    """Give an answer that S3 would give for an error."""
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>the storm</Message></Error>'
    first = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()
    return Message(first, [(b"Content-Type", b"application/xml")], body.encode())


async def _read_head(reader: asyncio.StreamReader) -> Message | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head[:-4].split(b"\r\n")
    named = (line.partition(b":") for line in lines)
    return Message(first, [(name.strip(), value.strip()) for name, _, value in named], b"")


async def _with_body(reader: asyncio.StreamReader, head: Message, *, is_head: bool) -> Message:
    if is_head or head.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return head
    if (head.get(b"transfer-encoding") or b"").lower() == b"chunked":
        return replace(head, body=await _read_chunks(reader))
    length = head.get(b"content-length")
    return replace(head, body=await (reader.read() if length is None else reader.readexactly(int(length))))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    return body


def _encode(message: Message, more: list[Header]) -> bytes:
    lines = [message.first, *(name + b": " + value for name, value in [*message.headers, *more])]
    return b"\r\n".join(lines) + b"\r\n\r\n"
