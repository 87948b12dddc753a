"""Compares what a server answers with what it was asked for.

A server or a cache that answers something else may give other bytes, or leave keys out, and nobody would notice.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import pairwise
from typing import Any

from flashflood.store.protocol import Entry

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)
_PLAIN = frozenset({"", "identity", "aws-chunked"})
"""Encodings of a body that is the object as it is; `aws-chunked` says how it was uploaded."""


def wanted_part(answer: Mapping[str, Any], body: bytes, start: int, stop: int | None) -> bytes:
    """Give the object's bytes from `start` to before `stop`, or to its end, out of what came: these, or more of it.

    `ValueError`, which says what came, if they are not surely in it.
    """
    encoding = answer.get("ContentEncoding", "")
    if encoding and not _PLAIN.issuperset(part.strip() for part in encoding.lower().split(",")):
        raise ValueError(_description(answer, body))
    begin, size = _sent_range(answer, body, stop)
    end = begin + len(body)
    if begin <= start and (end == size or (stop is not None and stop <= end)):
        return body[start - begin : None if stop is None else stop - begin]
    raise ValueError(_description(answer, body))


def is_whole(answer: Mapping[str, Any]) -> bool:
    """Say whether the whole object came, whatever part was asked for."""
    return "ContentRange" not in answer and answer["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.OK


def _sent_range(answer: Mapping[str, Any], body: bytes, stop: int | None) -> tuple[int, int | None]:
    """Tell where in the object a body begins, and the object's size, if the answer tells."""
    content_range = _CONTENT_RANGE.fullmatch(answer.get("ContentRange", ""))
    if content_range is not None and int(content_range[2]) - int(content_range[1]) + 1 == len(body):
        return int(content_range[1]), None if content_range[3] == "*" else int(content_range[3])
    # A whole object that is shorter than what was asked for may as well be that part, sent under a wrong status.
    if is_whole(answer) and (stop is None or stop <= len(body) or not body):
        return 0, len(body)
    raise ValueError(_description(answer, body))


def _description(answer: Mapping[str, Any], body: bytes) -> str:
    heads = {"Content-Range": answer.get("ContentRange"), "Content-Encoding": answer.get("ContentEncoding")}
    named = "".join(f", {name} {value!r}" for name, value in heads.items() if value)
    return f"status {answer['ResponseMetadata']['HTTPStatusCode']}{named} and {len(body)} bytes"


def fault_of_page(
    answer: Mapping[str, Any], entries: Sequence[Entry], prefix: str, after: str | None, token: str | None
) -> str | None:
    """Say what makes an answer to a LIST unfit. None: nothing.

    In a fit answer, the keys begin with `prefix` and rise from `after` on, and it is said whether more follow. `token`
    asked for it. Texts compare by their code points, which is the order of their UTF-8 bytes.
    """
    keys = [entry.key for entry in entries]
    for before, key in pairwise(keys if after is None else [after, *keys]):
        if key <= before:
            return f"{key!r} after {before!r}"
    for key in (*keys[:1], *keys[-1:]):
        if not key.startswith(prefix):
            return f"{key!r} where keys that begin with {prefix!r} were asked for"
    if "IsTruncated" not in answer:
        return "keys, and not whether more follow (IsTruncated)"
    if answer["IsTruncated"] and not keys and answer.get("NextContinuationToken") in (None, "", token):
        return "no key, and not where to go on (NextContinuationToken)"
    return None
