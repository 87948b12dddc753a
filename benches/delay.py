"""A proxy that answers no request sooner than a given time after it began: S3's latency before a server on loopback.

    python benches/delay.py <port of the server> <seconds>

It prints the port that it listens on, and serves until it is ended. It looks at no more of HTTP/1.1 than whether an
answer is the `100 Continue` that a client waits for before it sends a body: that one is not delayed.
"""

import asyncio
import sys

HIGH_WATER = 1 << 20
"""Bytes that a client may leave unread before the server is told to wait."""


class Upstream(asyncio.Protocol):
    """The connection to the server, for one client's connection."""

    def __init__(self, client: "Client") -> None:
        """Answer this client."""
        self._client = client

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer."""
        self._client.answer(data)

    def connection_lost(self, _: Exception | None) -> None:
        """Hang up on the client as the server did."""
        self._client.hang_up()


class Client(asyncio.Protocol):
    """A client's connection, which has one request under way at a time, as HTTP clients do."""

    def __init__(self, port: int, seconds: float) -> None:
        """Pass requests on to a port."""
        self._port = port
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._is_answering = True
        self._due = 0.0
        """When the answer to the request under way may begin."""
        self._waiting: list[bytes] = []
        self._unsent: list[bytes] = []
        self._is_ended = False
        self._server: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to the server too."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  as TCP's transports are
        self._transport = transport
        self._transport.set_write_buffer_limits(HIGH_WATER)
        self._connecting = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            self._server, _ = await self._loop.create_connection(lambda: Upstream(self), "127.0.0.1", self._port)
        except OSError:
            self._transport.close()
            return
        self._server.writelines(self._unsent)
        self._unsent.clear()

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request; the first one after an answer begins a new request."""
        if self._is_answering:
            self._is_answering = False
            self._due = self._loop.time() + self._seconds
        if self._server is None:
            self._unsent.append(data)
        else:
            self._server.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        """Hang up on the server as the client did."""
        if self._server is not None:
            self._server.close()

    def pause_writing(self) -> None:
        """Let the server wait for a slow client."""
        if self._server is not None:
            self._server.pause_reading()

    def resume_writing(self) -> None:
        """Let the server go on."""
        if self._server is not None:
            self._server.resume_reading()

    def answer(self, data: bytes) -> None:
        """Pass a piece of an answer on, once it is due."""
        if not self._is_answering and data.startswith(b"HTTP/1.1 100"):
            self._transport.write(data)
            return
        self._is_answering = True
        wait = self._due - self._loop.time()
        if self._waiting or wait > 0:
            self._waiting.append(data)
            if len(self._waiting) == 1:
                self._loop.call_later(wait, self._send)
        else:
            self._transport.write(data)

    def hang_up(self) -> None:
        """End the connection once all is sent."""
        self._is_ended = True
        if not self._waiting:
            self._transport.close()

    def _send(self) -> None:
        self._transport.writelines(self._waiting)
        self._waiting.clear()
        if self._is_ended:
            self._transport.close()


async def serve(port: int, seconds: float) -> None:
    """Serve until ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Client(port, seconds), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
