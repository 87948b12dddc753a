"""Events with given data, and a column of their values."""

import json
from typing import Any

from flashflood import FlashFlood
from support.samples import at


def put(ff: FlashFlood, *documents: object) -> None:
    """Put events a minute apart, with these data; bytes as they are, all else as JSON."""
    ff.put_many(
        (one if isinstance(one, bytes) else json.dumps(one).encode(), f"e{number}", at(number))
        for number, one in enumerate(documents)
    )


def column(ff: FlashFlood, kind: str | None, expression: str = "v", **options: Any) -> list[Any]:  # noqa: ANN401
    schema = None if kind is None else {"c": kind}
    found: list[Any] = (
        ff.replay_batches(columns={"c": expression}, schema=schema, **options).to_arrow()["c"].to_pylist()
    )
    return found
