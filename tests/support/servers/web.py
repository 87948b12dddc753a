"""A web server with a blob on it, good or bad as it is told: what an event stream's URL leads to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """Answers GET as it is told; remembers what was asked."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.ranges: list[str | None] = []
        self.paths: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.ranges.append(self.headers["Range"])
                server.paths.append(self.path)
                answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that hangs up."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/blob?Signature=secret"


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[Server]:
    """Give a server that answers every GET by calling `answer`."""
    with Server(answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content_Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


BLOB = b"0123456789"


def stream_of(url: str, rows: list[tuple[int, int]], size: int = len(BLOB)) -> dict[str, Any]:
    """Give an event stream over `BLOB`, with an event for each (offset, size), a minute apart."""
    stamps = [f"2020-01-01T00{minute:02}00.000000Z" for minute in range(len(rows))]
    return {
        "journal_id": f"{stamps[0]}--{stamps[-1]}--2020-02-02T000000.000000Z--11111111-2222-3333-4444-555555555555",
        "from_date": stamps[0],
        "to_date": stamps[-1],
        "size": size,
        "events": [
            {"event_id": f"{number}", "timestamp": stamp, "offset": offset, "size": length}
            for number, (stamp, (offset, length)) in enumerate(zip(stamps, rows, strict=True))
        ],
        "stream_url": url,
    }


def send_range(handler: BaseHTTPRequestHandler) -> None:
    """Answer as a good server does."""
    start, last = asked(handler)
    send(handler, 206, BLOB[start : last + 1], Content_Range=f"bytes {start}-{last}/{len(BLOB)}")


def asked(handler: BaseHTTPRequestHandler) -> tuple[int, int]:
    """Give the first and last place in `BLOB` that a request asks for."""
    start, last = handler.headers["Range"].removeprefix("bytes=").split("-")
    return int(start), min(int(last), len(BLOB) - 1)
