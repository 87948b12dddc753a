"""replay_batches(columns=…): values of JMESPath expressions in columns with types."""

import logging
import math
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import jmespath
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import Place
from support.columns import column, put
from support.samples import at
from support.watched import Counted, on

from flashflood import Event, Expression, FlashFlood

IN_MEMORY = pytest.mark.parametrize("place", ["memory"], indirect=True)
ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)


@pytest.fixture
def ff() -> FlashFlood:
    return FlashFlood.open("memory://")


def values(ff: FlashFlood, kind: str | None, *given: object, **options: Any) -> list[Any]:  # noqa: ANN401
    put(ff, *({"v": value} for value in given))
    return column(ff, kind, **options)


def test_each_column_is_an_expressions_values_beside_id_and_date(place: Place) -> None:
    ff = place.open()
    put(ff, {"match": {"id": "x"}, "files": [1, 2]}, {"match": {"id": "y"}, "files": []})
    table = ff.replay_batches(
        columns={"id": "match.id", "n": "length(files)"}, schema={"id": "string", "n": "int64"}
    ).to_arrow()
    assert table.schema == pa.schema(
        [
            pa.field("event_id", pa.string(), nullable=False),
            pa.field("date", pa.timestamp("us", "UTC"), nullable=False),
            pa.field("id", pa.string()),
            pa.field("n", pa.int64()),
        ]
    )
    assert table.to_pylist() == [
        {"event_id": "e0", "date": at(0).replace(tzinfo=UTC), "id": "x", "n": 2},
        {"event_id": "e1", "date": at(1).replace(tzinfo=UTC), "id": "y", "n": 0},
    ]


def test_event_id_and_date_are_left_out_by_none_and_replaced_by_an_expression(ff: FlashFlood) -> None:
    put(ff, {"date": "yesterday"})
    assert ff.replay_batches(columns={"event_id": None, "date": None, "d": "date"}).to_arrow().column_names == ["d"]
    table = ff.replay_batches(columns={"date": "date"}).to_arrow()
    assert table.to_pylist() == [{"event_id": "e0", "date": "yesterday"}]
    with pytest.raises(ValueError, match=r"columns\['other'\] is None; only event_id and date can be left out"):
        ff.replay_batches(columns={"other": None})


def test_an_expression_may_be_a_text_a_compiled_one_or_an_expression(ff: FlashFlood) -> None:
    put(ff, {"v": 1})
    for given in ("v", jmespath.compile("v"), Expression("v")):
        assert ff.replay_batches(columns={"c": given}).to_arrow()["c"].to_pylist() == [1]


ARROW_TYPES = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "large_string": pa.large_string(),
    "string_view": pa.string_view(),
    "binary": pa.binary(),
    "large_binary": pa.large_binary(),
    "binary_view": pa.binary_view(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp[s]": pa.timestamp("s"),
    "timestamp[ns, tz=Europe/Berlin]": pa.timestamp("ns", "Europe/Berlin"),
    "date": pa.date32(),
    "json": pa.string(),
    "list<int64>": pa.list_(pa.int64()),
    'list<struct<a: list<bool>, "b c": date>>': pa.list_(
        pa.struct([("a", pa.list_(pa.bool_())), ("b c", pa.date32())])
    ),
}


@pytest.mark.parametrize("kind", ARROW_TYPES)
def test_a_type_is_given_as_a_text_an_arrow_type_or_a_schema(ff: FlashFlood, kind: str) -> None:
    put(ff, {"v": None})
    arrow = ARROW_TYPES[kind]
    given: list[Any] = [{"c": kind}, {"c": arrow}, pa.schema({"c": arrow}), {"c": pa.field("any", arrow)}]
    for schema in given:
        batches = ff.replay_batches(columns={"c": "v"}, schema=schema)
        assert pa.schema(batches).field("c").type == arrow
        assert batches.to_arrow()["c"].to_pylist() == [None]


def test_the_schema_of_a_table_is_a_schema(ff: FlashFlood) -> None:
    put(ff, {"n": 1})
    table = ff.replay_batches(columns={"n": "n"}).to_arrow()
    assert ff.replay_batches(columns={"n": "n"}, schema=table.schema).to_arrow() == table


def test_polars_schemas_and_arrows_json_are_taken_too(ff: FlashFlood) -> None:
    put(ff, {"n": 1, "tags": ["a"], "o": {"a": 1}})
    schema = pl.Schema([("n", pl.Int64), ("tags", pl.List(pl.String))])
    frame = ff.replay_batches(columns={"n": "n", "tags": "tags"}, schema=schema).to_polars()
    assert frame.select("n", "tags").schema == schema
    assert column(ff, None, "o") == ['{"a":1}']
    assert ff.replay_batches(columns={"o": "o"}, schema={"o": pa.json_()}).to_arrow()["o"].to_pylist() == ['{"a":1}']


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"c": "int32"}, '"int32" is no type of a column: int64, float64'),
        ({"c": pa.int32()}, "has type Int32; a column is int64, float64"),
        (pa.schema([pa.field("c", pa.int64(), nullable=False)]), '"c" must be nullable, since an event may lack it'),
        ({"d": "int64"}, "schema has 'd', and columns has no such column"),
        ({"date": "timestamp[ms]"}, "schema gives 'date' another type than timestamp; leave it out, or cast"),
        ({"c": pl.Int64}, "is no type of a column: give int64, float64"),
        ({"c": "timestamp[us, tz=a\0b]"}, "is no type of a column"),
        ({"c": "list<" * 10_000}, "is no type of a column"),
        (pa.schema([("c", pa.int64()), ("c", pa.string())]), 'schema has two fields "c"'),
        ({"c": pa.struct([("a", pa.int64()), ("a", pa.string())])}, "is no type of a column"),
    ],
)
def test_a_type_that_no_column_has_or_for_no_column_is_refused(ff: FlashFlood, schema: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match=message):
        ff.replay_batches(columns={"c": "v"}, schema=schema)


def test_what_cannot_be_meant_is_refused_before_any_request(ff: FlashFlood) -> None:
    with pytest.raises(ValueError, match="say what they are: columns="):
        ff.replay_batches(schema={"c": "int64"})
    with pytest.raises(ValueError, match='on_mismatch=\'skip\'; it is "error" or "null"'):
        ff.replay_batches(columns={"c": "v"}, on_mismatch="skip")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not a JMESPath expression"):
        ff.replay_batches(columns={"c": "v["})
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        ff.replay_batches(columns={"c": "&v"})


def test_others_mistakes_are_not_made(ff: FlashFlood) -> None:
    put(ff, {"v": 1}, b"[1", b", 2]", b"not JSON", {"v": 2})
    assert column(ff, "int64") == [1, None, None, None, 2]
    other = FlashFlood.open("memory://")
    given: list[object] = [1, 1.5, "2", True]
    assert values(other, "int64", *given, on_mismatch="null") == [1, None, None, None]


def test_a_value_that_does_not_fit_is_an_error_that_names_event_and_column(ff: FlashFlood) -> None:
    put(ff, {"v": 1}, {"v": 1.5})
    with pytest.raises(
        pa.ArrowInvalid, match=r'event "e1": column "c" is 1\.5, which does not fit int64; give it anoth'
    ):
        column(ff, "int64")
    with pytest.raises(pl.exceptions.ComputeError, match=r'event "e1": column "c" is 1\.5'):
        ff.replay_batches(columns={"c": "v"}, schema={"c": "int64"}).to_polars()
    long = FlashFlood.open("memory://")
    with pytest.raises(pa.ArrowInvalid, match=r'is \["x{58}…, which does not fit string'):
        values(long, "string", ["x" * 1000])


def test_of_a_list_or_struct_only_what_does_not_fit_is_null(ff: FlashFlood) -> None:
    given: list[object] = [[1, "x", None], [], "no list", {"a": 1}]
    assert values(ff, "list<int64>", *given, on_mismatch="null") == [[1, None, None], [], None, None]
    other = FlashFlood.open("memory://")
    objects: list[object] = [{"a": 1, "b": "x", "c": 2}, {"a": "x"}, [], {}]
    found = values(other, "struct<a: int64, b: string>", *objects, on_mismatch="null")
    assert found == [{"a": 1, "b": "x"}, {"a": None, "b": None}, None, {"a": None, "b": None}]
    with pytest.raises(pa.ArrowInvalid, match=r'column "c" is .*"a":"x".*, which does not fit struct<a: int64, b: str'):
        column(other, "struct<a: int64, b: string>")


def test_whole_numbers_are_taken_where_they_are_exact(ff: FlashFlood) -> None:
    given = [2.0, -(2.0**53) + 1, 2**63 - 1, -(2**63), 2.0**53, 2**63, 1e300, 0.5]
    expected = [2, -(2**53) + 1, 2**63 - 1, -(2**63), None, None, None, None]
    assert values(ff, "int64", *given, on_mismatch="null") == expected


def test_floats_are_the_nearest_to_any_number(ff: FlashFlood) -> None:
    given = [1, 2**53 + 1, 10**30, 10**300, 0.1, math.inf]
    assert values(ff, "float64", *given) == [1.0, float(2**53), 1e30, 1e300, 0.1, math.inf]


def test_numbers_of_any_length_are_json_and_what_is_beside_them_is_read(ff: FlashFlood) -> None:
    big = 10**40
    put(ff, {"v": [1, big, 3]}, {"v": [{"x": 1, "y": big}]}, {"v": [10**700]})
    assert column(ff, None) == [["1", str(big), "3"], [f'{{"x":1,"y":{big}}}'], [str(10**700)]]
    assert column(ff, "list<int64>", on_mismatch="null") == [[1, None, 3], [None], [None]]
    assert column(ff, "list<struct<x: int64, y: json>>", on_mismatch="null")[1] == [{"x": 1, "y": str(big)}]
    assert column(ff, "list<float64>", on_mismatch="null") == [[1.0, 1e40, 3.0], [None], [None]]


def test_bytes_are_a_texts_and_a_lone_surrogate_is_no_text(ff: FlashFlood) -> None:
    assert values(ff, "binary", "ä\n", "\ud800", on_mismatch="null") == ["ä\n".encode(), None]
    assert column(ff, "string", on_mismatch="null") == ["ä\n", None]
    assert column(ff, "json") == ['"\\u00e4\\n"', '"\\ud800"']


def test_json_is_what_select_gives(ff: FlashFlood) -> None:
    given: list[object] = [{"b": [1, 1.5, "x", None]}, 7, "text", None, 10**50]
    put(ff, *({"v": one} for one in given))
    expected = [event.data.decode() for event in ff.replay(select="v")]
    assert column(ff, "json") == [None if text == "null" else text for text in expected]


def test_timestamps_and_dates_are_iso_8601(ff: FlashFlood) -> None:
    moments = ["2026-01-31T12:00:00Z", "2026-01-31 13:00:00.5+01:00", "2026-01-31", "2026-01-31T12:00:00.1234567"]
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    expected = [noon, noon.replace(microsecond=500_000), noon.replace(hour=0), noon.replace(microsecond=123_456)]
    assert values(ff, "timestamp", *moments) == expected
    naive = FlashFlood.open("memory://")
    assert values(naive, "timestamp[ms]", moments[1]) == [datetime(2026, 1, 31, 12, 0, 0, 500_000)]
    assert column(naive, "timestamp[us, tz=Europe/Berlin]")[0].tzinfo == ZoneInfo("Europe/Berlin")
    days = FlashFlood.open("memory://")
    given = ["2026-01-31", "2026-02-30", "2026-01-31T00:00:00Z", 20_000]
    assert values(days, "date", *given, on_mismatch="null") == [date(2026, 1, 31), None, None, None]


def test_a_value_is_null_where_there_is_none_and_where_a_function_fails(ff: FlashFlood) -> None:
    put(ff, {"v": None}, {}, [], b"not JSON", b"", {"v": 5})
    assert column(ff, "int64", "length(v)") == [None] * 6
    assert column(ff, "string", "v.x") == [None] * 6


@pytest.mark.parametrize(
    ("given", "kind", "expected"),
    [
        ([1, None, 2], pa.int64(), [1, None, 2]),
        ([1, 2.5], pa.float64(), [1.0, 2.5]),
        (["a", "b"], pa.string(), ["a", "b"]),
        ([True, False], pa.bool_(), [True, False]),
        ([1, "a"], pa.string(), ["1", '"a"']),
        ([1, True], pa.string(), ["1", "true"]),
        ([{"a": 1}], pa.string(), ['{"a":1}']),
        ([None, None], pa.string(), [None, None]),
        ([2**63], pa.string(), [str(2**63)]),
        (["\ud800"], pa.string(), ['"\\ud800"']),
        ([[1], [2.5], []], pa.list_(pa.float64()), [[1.0], [2.5], []]),
        ([[1, "a"]], pa.list_(pa.string()), [["1", '"a"']]),
        ([[], None], pa.list_(pa.string()), [[], None]),
        ([[1], 1], pa.string(), ["[1]", "1"]),
        ([[["a"]], [[]]], pa.list_(pa.list_(pa.string())), [[["a"]], [[]]]),
    ],
)
def test_types_that_are_left_open_are_inferred(
    ff: FlashFlood, given: list[object], kind: pa.DataType, expected: list[object]
) -> None:
    put(ff, *({"v": value} for value in given))
    batches = ff.replay_batches(columns={"c": "v"})
    assert pa.schema(batches).field("c").type == kind
    assert batches.to_arrow()["c"].to_pylist() == expected


def test_types_are_inferred_from_the_first_thousand_events_that_the_filter_leaves(ff: FlashFlood) -> None:
    put(ff, *({"v": "text", "keep": False} for _ in range(3)), *({"v": 1, "keep": True} for _ in range(1000)), {"v": 1})
    kept: dict[str, Any] = {"columns": {"c": "v"}, "filter": "keep"}
    assert pa.schema(ff.replay_batches(**kept)).field("c").type == pa.int64()
    assert pa.schema(ff.replay_batches(columns={"c": "v"})).field("c").type == pa.string()
    ff.put({"v": 2.5, "keep": True}, "late", at(5000))
    with pytest.raises(pa.ArrowInvalid, match=r'event "late": column "c" is 2\.5, which does not fit int64'):
        ff.replay_batches(**kept).to_arrow()


def test_a_filter_that_leaves_few_is_not_followed_to_the_end_of_the_store(
    ff: FlashFlood, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flashflood.replay.wanted.MOST_SAMPLED", 100)
    put(ff, *({"v": 1, "pad": "x" * 400} for _ in range(3_000)), {"v": 1, "keep": True})
    assert column(ff, None, filter="keep") == ["1"]


@ON_MOTO
def test_types_that_are_given_cost_no_request_and_inferred_ones_a_look_at_the_first_events(place: Place) -> None:
    ff = place.open()
    put(ff, *({"v": number} for number in range(100)))
    counted = Counted(place.store())
    given = on(counted).replay_batches(columns={"c": "v"}, schema={"c": "int64"})
    pa.schema(given)
    assert counted.requests == []
    given.to_arrow()
    once = len(counted.requests)
    open_ = on(counted).replay_batches(columns={"c": "v"})
    pa.schema(open_)
    pa.schema(open_)
    assert len(counted.requests) == 2 * once
    open_.to_arrow()
    assert len(counted.requests) == 3 * once


def test_filter_select_and_columns_go_one_after_the_other(ff: FlashFlood) -> None:
    put(ff, *({"n": number, "in": {"n": -number}} for number in range(10)))
    options: dict[str, Any] = {"filter": "n > `6`", "select": "in"}
    batches = ff.replay_batches(columns={"c": "n"}, schema={"c": "int64"}, **options)
    assert batches.to_arrow()["c"].to_pylist() == [-7, -8, -9]
    assert column(ff, "int64", "n", filter="n > `6`") == [7, 8, 9]


class _Own(jmespath.functions.Functions):  # type: ignore[misc]
    @jmespath.functions.signature({"types": ["number"]})  # type: ignore[untyped-decorator]
    def _func_half(self, number: float) -> float:
        return number / 2


def test_what_the_core_leaves_to_python_is_the_same(ff: FlashFlood) -> None:
    own = Expression("half(v)", jmespath.Options(custom_functions=_Own()))
    half = Expression("half(v) > `1`", jmespath.Options(custom_functions=_Own()))
    big = 10**700
    put(ff, {"v": 1}, b'\xef\xbb\xbf{"v":4}', {"v": 5, "t": [1, big]}, {"v": 6, "t": [big, 2]}, {"v": 7, "t": big})
    table = ff.replay_batches(
        columns={"half": own, "v": "v", "t": "t", "l": "t"},
        schema={"half": "float64", "v": "int64", "t": "json", "l": "list<int64>"},
        on_mismatch="null",
    ).to_arrow()
    assert table["half"].to_pylist() == [0.5, 2.0, 2.5, 3.0, 3.5]
    assert table["v"].to_pylist() == [1, 4, 5, 6, 7]
    assert table["t"].to_pylist() == [None, None, f"[1,{big}]", f"[{big},2]", str(big)]
    assert table["l"].to_pylist() == [None, None, [1, None], [None, 2], None]
    assert column(ff, "int64", filter=half) == [4, 5, 6, 7]
    assert column(ff, "int64", filter="v > `1`") == [4, 5, 6, 7]
    with pytest.raises(pa.ArrowInvalid, match=r'event "e2": column "c" is \[1,10{56}…, which does not fit list<int64>'):
        column(ff, "list<int64>", "t")


def test_the_log_says_where_python_evaluates(ff: FlashFlood, caplog: pytest.LogCaptureFixture) -> None:
    put(ff, {"v": 1}, b'\xef\xbb\xbf{"v":4}', b'\xef\xbb\xbf{"v":5}')
    with caplog.at_level(logging.INFO, "flashflood"):
        assert column(ff, "int64", filter="v > `1`") == [4, 5]
    said = [record.getMessage() for record in caplog.records if "Python evaluates" in record.getMessage()]
    assert said == [f"Python evaluates {text!r} on some of the events" for text in ("v > `1`", "v")]


def test_columns_that_are_not_asked_for_are_not_read(ff: FlashFlood) -> None:
    put(ff, {"a": 1, "b": "no number"})
    batches = ff.replay_batches(columns={"a": "a", "b": "b"}, schema={"a": "int64", "b": "int64"})
    assert batches.only(["a", "event_id"]).to_arrow().to_pylist() == [{"a": 1, "event_id": "e0"}]
    with pytest.raises(pa.ArrowInvalid, match='column "b" is "no number"'):
        batches.to_arrow()
    with pytest.raises(ValueError, match='there is no column "c"'):
        batches.only(["c"])
    with pytest.raises(ValueError, match='there are two columns "a"'):
        batches.only(["a", "a"])
    assert ff.replay_batches().only(["data"]).to_arrow().to_pylist() == [{"data": b'{"a": 1, "b": "no number"}'}]


def test_texts_and_bytes_have_the_layout_that_a_reader_asks_for(ff: FlashFlood) -> None:
    put(ff, {"v": "x"})
    for kind in (pa.binary(), pa.large_binary(), pa.string(), pa.large_string(), pa.string_view(), pa.binary_view()):
        asked = pa.schema({"event_id": pa.large_string(), "date": pa.timestamp("us", "UTC"), "data": kind})
        found = pa.RecordBatchReader.from_stream(ff.replay_batches(), schema=asked).read_all()
        assert found.schema.types == [pa.large_string(), pa.timestamp("us", "UTC"), kind]
        expected = b'{"v": "x"}'
        assert found["data"].cast(pa.binary()).to_pylist() == [expected]
    asked = pa.schema({"c": pa.string_view()})
    batches = ff.replay_batches(columns={"event_id": None, "date": None, "c": "v"}, schema={"c": "string"})
    assert pa.RecordBatchReader.from_stream(batches, schema=asked).read_all().schema == asked


def test_what_a_reader_asks_for_beside_that_changes_nothing(ff: FlashFlood) -> None:
    put(ff, {"v": 1})
    batches = ff.replay_batches(columns={"event_id": None, "date": None, "c": "v"}, schema={"c": "int64"})
    capsule = batches.__arrow_c_stream__(pa.schema({"c": pa.int32(), "d": pa.string()}).__arrow_c_schema__())

    class Given:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return capsule

    assert pa.RecordBatchReader.from_stream(Given()).read_all().schema == pa.schema({"c": pa.int64()})


def test_data_that_are_no_text_are_an_error_that_names_the_event(ff: FlashFlood) -> None:
    put(ff, b"text", b"\xff")
    asked = pa.schema({"event_id": pa.string(), "date": pa.timestamp("us", "UTC"), "data": pa.string()})
    with pytest.raises(pa.ArrowInvalid, match='event "e1": its data are asked for as a text, and are no UTF-8'):
        pa.RecordBatchReader.from_stream(ff.replay_batches(), schema=asked).read_all()


def test_pandas_polars_and_duckdb_read_them(ff: FlashFlood) -> None:
    put(ff, {"n": 2**53 + 1, "t": "2026-01-01"}, {"t": "2026-01-02"})
    batches = ff.replay_batches(columns={"n": "n", "t": "t"}, schema={"n": "int64", "t": "timestamp"})
    frame = batches.to_pandas()
    assert frame["n"].tolist()[0] == 2**53 + 1
    assert frame["n"].isna().tolist() == [False, True]
    assert frame["t"].dtype == pd.DatetimeTZDtype("us", UTC)
    assert batches.to_polars()["n"].to_list() == [2**53 + 1, None]
    found = duckdb.sql("SELECT sum(n), max(t)::DATE FROM batches")
    assert found is not None
    assert found.fetchall() == [(2**53 + 1, date(2026, 1, 2))]


def test_partitions_have_the_same_columns_and_infer_once(place: Place) -> None:
    ff = place.open()
    put(ff, *({"n": number, "s": {"k": number}} for number in range(300)))
    columns: dict[str, Any] = {"n": "n", "s": "s", "event_id": None}
    partitions = ff.partitions(columns=columns, size=2_000, filter="n != `7`")
    assert len(partitions) > 2
    whole = ff.replay_batches(columns=columns, filter="n != `7`").to_arrow()
    assert pa.concat_tables(partition.batches().to_arrow() for partition in partitions) == whole
    ff.put({"n": "late"}, "late", at(-1))
    assert pa.schema(ff.partitions(columns=columns, size=2_000)[0].batches()).field("n").type == pa.string()
    assert pa.schema(partitions[0].batches()).field("n").type == pa.int64()


def test_a_lazy_frame_reads_the_columns_that_a_query_needs(ff: FlashFlood) -> None:
    put(ff, *({"n": number, "bad": "x"} for number in range(10)))
    lazy = ff.scan_polars(columns={"n": "n", "bad": "bad"}, schema={"n": "int64", "bad": "int64"})
    assert lazy.collect_schema() == pl.Schema(
        [("event_id", pl.String), ("date", pl.Datetime("us", "UTC")), ("n", pl.Int64), ("bad", pl.Int64)]
    )
    assert lazy.filter(pl.col("n") > 7).select("event_id").collect()["event_id"].to_list() == ["e8", "e9"]
    assert lazy.filter(pl.col("date") > at(7).replace(tzinfo=UTC)).select(pl.col("n").sum()).collect().item() == 17
    with pytest.raises(ValueError, match='column "bad" is "x"'):
        lazy.collect()


def test_rows_are_the_same_events_as_a_replays_whatever_the_batch_size(place: Place) -> None:
    ff = place.open()
    put(ff, *({"n": number} for number in range(500)))
    for batch_size in (1, 7, 65_536):
        batches = ff.replay_batches(columns={"n": "n"}, schema={"n": "int64"}, batch_size=batch_size)
        rows = batches.to_arrow().to_pylist()
        found = [Event(row["event_id"], row["date"].replace(tzinfo=None), b'{"n": %d}' % row["n"]) for row in rows]
        assert found == list(ff.replay())
