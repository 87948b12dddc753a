"""A fault that servers have: DeleteObjects answers for each key by itself, and some keys are not deleted."""

import re
from collections.abc import Callable
from html import unescape

from support.servers.faulty import Answer, Fault, Forward, Request

_OBJECT = re.compile(rb"<Object>.*?</Object>", re.DOTALL)
_KEY = re.compile(rb"<Key>(.*?)</Key>", re.DOTALL)


def refusing(is_refused: Callable[[str], bool], code: str = "InternalError") -> Fault:
    """Give a fault that keeps the keys which `is_refused` says, and answers `code` for each of them."""

    def fault(request: Request, forward: Forward) -> Answer:
        if request.method != "POST" or "delete" not in request.path.partition("?")[2]:
            return forward(request)
        refused = [item for item in _OBJECT.findall(request.body) if is_refused(_key_of(item))]
        for item in refused:
            request.body = request.body.replace(item, b"")
        if refused and not _OBJECT.search(request.body):
            answer = Answer(200, {"content-type": "application/xml"}, b"<DeleteResult></DeleteResult>")
        else:
            request.headers["content-length"] = str(len(request.body))
            answer = forward(request)
        if refused:
            errors = "".join(
                f"<Error><Key>{_raw_key_of(item)}</Key><Code>{code}</Code><Message>by the test</Message></Error>"
                for item in refused
            )
            answer.body = (
                b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' + errors.encode() + b"</DeleteResult>"
            )
        return answer

    return fault


def _raw_key_of(item: bytes) -> str:
    found = _KEY.search(item)
    assert found
    return found[1].decode()


def _key_of(item: bytes) -> str:
    return unescape(_raw_key_of(item))
