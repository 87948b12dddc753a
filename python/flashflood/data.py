"""Event data as callers give it, and the bytes that are stored."""

import json
from typing import Any, TypeAlias

Data: TypeAlias = bytes | bytearray | memoryview | str | dict[Any, Any] | list[Any]
"""What `to_bytes` takes."""


def to_bytes(data: Data) -> bytes:
    """Give the bytes to store: bytes-like as they are, `str` as UTF-8, a `dict` or `list` as JSON (`json.dumps`).

    `TypeError` for anything else, or inside a dict or list; `ValueError` for what UTF-8 or JSON cannot hold (lone
    surrogates, cycles, NaN and infinities).
    """
    if isinstance(data, bytes):
        return data
    if isinstance(data, bytearray | memoryview):
        return bytes(data)
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, dict | list):
        try:
            return json.dumps(data, separators=(",", ":"), allow_nan=False).encode()
        except ValueError as error:
            msg = f"event data cannot be written as JSON, which has no NaN, no infinity and no cycle: {error}"
            raise ValueError(msg) from error
    msg = f"event data must be bytes, bytearray, memoryview, str, dict or list, not {type(data).__name__}"
    raise TypeError(msg)
