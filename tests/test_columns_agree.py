"""Columns of random documents and dates, held against what `jmespath`, `json` and `datetime` make of them."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jmespath
import pytest
from support.columns import column, put

from flashflood import FlashFlood


def iso_texts(chance: random.Random) -> Iterator[str]:
    """Yield dates as people write them, some of them wrong by a character."""
    while True:
        moment = datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=chance.randrange(10**6 * 86_400 * 3_652_058))
        digits = chance.choice(["auto", "seconds", "minutes", "milliseconds", "microseconds"])
        text = moment.replace(tzinfo=None).isoformat(chance.choice("T "), digits)
        text += chance.choice(["", "Z", "z", "+00:00", "-05:30", "+0200", "+14", "123", ",5"])
        if chance.random() < 0.5:
            place = chance.randrange(len(text))
            text = text[:place] + chance.choice("0123456789:-+.,TZ x") + text[place + 1 :]
        yield text


def test_what_is_read_as_a_timestamp_is_what_python_reads() -> None:
    chance = random.Random(7)  # noqa: S311  no secret
    texts = [text for text, _ in zip(iso_texts(chance), range(10_000), strict=False)]
    ff = FlashFlood.open("memory://")
    put(ff, *({"v": text} for text in texts))
    read = 0
    for text, found in zip(texts, column(ff, "timestamp", on_mismatch="null"), strict=True):
        if found is None:
            continue
        expected = datetime.fromisoformat(text)
        assert found == (expected if expected.tzinfo else expected.replace(tzinfo=UTC)), text
        read += 1
    assert read > 4_000


KINDS: dict[str, Callable[[Any], bool]] = {
    "int64": lambda value: type(value) is int and -(2**63) <= value < 2**63,
    "float64": lambda value: type(value) in (int, float),
    "bool": lambda value: type(value) is bool,
    "string": lambda value: type(value) is str,
}
EXPRESSIONS = ["a", "b", "c", "a.b", "a[0]", "b[*].a", "length(@)", "a || b", "[a, b]", "{x: a, y: c}", "nothing"]


def document(chance: random.Random, depth: int = 2) -> Any:  # noqa: ANN401
    """Make a document whose objects have few keys, so that they often have the same ones, or one twice."""
    leaf: list[Any] = [None, True, 0, -7, 2**40, 0.25, "", "text", 'ä"\\', "2026-01-01"]
    if depth == 0 or chance.random() < 0.3:
        return chance.choice(leaf)
    if chance.random() < 0.3:
        return [document(chance, depth - 1) for _ in range(chance.randrange(3))]
    return {chance.choice("abc"): document(chance, depth - 1) for _ in range(chance.randrange(4))}


def written(chance: random.Random, value: object) -> bytes:
    """Write a document, now and then with a key twice or escaped."""
    text = json.dumps(value)
    if chance.random() < 0.1:
        text = text.replace('"a":', '"\\u0061":', 1)
    if chance.random() < 0.1 and text.startswith('{"'):
        text = '{"a": 1, "b": 2, ' + text[1:]
    return text.encode()


def reference(kind: str, value: Any) -> Any:  # noqa: ANN401
    """Give what a column has of a value, where what does not fit is null."""
    if value is None:
        return None
    if kind == "json":
        return json.dumps(value, separators=(",", ":"))
    if kind.startswith("list<"):
        return [reference(kind[5:-1], element) for element in value] if isinstance(value, list) else None
    if kind == "struct<a: int64, b: json>":
        if not isinstance(value, dict):
            return None
        return {"a": reference("int64", value.get("a")), "b": reference("json", value.get("b"))}
    return value if KINDS[kind](value) else None


@pytest.mark.parametrize("seed", range(4))
def test_columns_are_what_jmespath_and_python_make_of_random_documents(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  as above
    data = [written(chance, document(chance)) for _ in range(600)]
    ff = FlashFlood.open("memory://")
    put(ff, *data)
    kinds = [*KINDS, "json", "list<int64>", "list<list<json>>", "struct<a: int64, b: json>"]
    wanted = {f"{expression}|{kind}": (expression, kind) for expression in EXPRESSIONS for kind in kinds}
    for filter_ in (None, "b", "a == 'text'"):
        table = ff.replay_batches(
            columns={name: expression for name, (expression, _) in wanted.items()},
            schema={name: kind for name, (_, kind) in wanted.items()},
            on_mismatch="null",
            filter=filter_,
        ).to_arrow()
        kept = [json.loads(event.data) for event in ff.replay(filter=filter_)]
        assert table.num_rows == len(kept) > 1
        for name, (expression, kind) in wanted.items():
            expected = [reference(kind, searched(expression, one)) for one in kept]
            assert table[name].to_pylist() == expected, name


def searched(expression: str, value: object) -> Any:  # noqa: ANN401
    try:
        return jmespath.search(expression, value)
    except jmespath.exceptions.JMESPathError:
        return None
