"""Moto's server, in a thread of the test process: S3 over real HTTP, without a check of credentials."""

import logging

from moto.server import ThreadedMotoServer


class Moto:
    """A running server on a free port of the loopback interface."""

    access_key = "test"
    secret_key = "testsecret"  # noqa: S105  # of a server that lives as long as the tests

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"

    def stop(self) -> None:
        """End it; what it holds is gone."""
        self._server.stop()
