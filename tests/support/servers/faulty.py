"""A proxy before an S3 server that does not check signatures, for the faults which no server at hand has."""

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive"}


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    announced: int | None = None
    """The body's length as the head tells it; the connection ends after the body where it is shorter."""


Forward: TypeAlias = Callable[[Request], Answer]
Fault: TypeAlias = Callable[[Request, Forward], Answer]


def error(status: int, code: str) -> Answer:
    """Give an answer that S3 would give for an error."""
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>by the test</Message></Error>"
    return Answer(status, {"content-type": "application/xml"}, body.encode())


class FaultyServer:
    """Passes requests on to the server at `target`, unless `fault(request, forward)` answers otherwise."""

    def __init__(self, target: str, fault: Fault) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline()
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", "0")))
                self._send(
                    fault(Request(self.command, self.path, headers, body), lambda request: _forward(target, request))
                )

            def _send(self, answer: Answer) -> None:
                self.send_response_only(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                length = len(answer.body) if answer.announced is None else answer.announced
                self.send_header("content-length", str(length))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)
                self.close_connection = length != len(answer.body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _forward(target: str, request: Request) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(target).netloc)
    try:
        connection.request(request.method, request.path, request.body, request.headers)
        answer = connection.getresponse()
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
        announced = int(answer.headers["content-length"]) if request.method == "HEAD" else None
        return Answer(answer.status, headers, answer.read(), announced)
    finally:
        connection.close()
