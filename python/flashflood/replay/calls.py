"""The calls that replay: events one by one, in record batches, in partitions, as a LazyFrame, or all at once."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from flashflood.context import Calls
from flashflood.dates import DateRange
from flashflood.replay import damage, search
from flashflood.replay.after import After, place_of
from flashflood.replay.arrow import BATCH_SIZE, ReplayBatches
from flashflood.replay.columns import Columns, GivenColumns, GivenSchema, OnMismatch
from flashflood.replay.damage import OnDamage
from flashflood.replay.partitions import SIZE, Partition, partitions
from flashflood.replay.replay import MEMORY_BUDGET, Replay, batches, checked_budget
from flashflood.replay.rows import Scan
from flashflood.replay.stages import Given, Stages, stage_of
from flashflood.replay.streams import list_event_streams
from flashflood.replay.wanted import Wanted

if TYPE_CHECKING:
    import polars as pl


class Replays(Calls):
    """The part of `FlashFlood` that replays."""

    def replay(  # noqa: PLR0913  all but the range by name only
        self,
        from_date: datetime | None = None,
        to_date: datetime | None = None,
        *,
        after: After | None = None,
        filter: Given | None = None,
        select: Given | None = None,
        on_damage: OnDamage = "error",
        memory_budget: int = MEMORY_BUDGET,
    ) -> Replay:
        """Yield the events with from_date < date <= to_date in (date, event_id) order; a missing end is unbounded.

        `after`: (date, event_id), or the text of a follower's cursor, which has such a place: only events that come
        later in this order, the rest of that microsecond among them. So it goes on where one stopped, with the date and
        id of the last event. No event need have the id; `""` comes before all ids of the date. With `from_date` both
        hold; beyond `to_date` there is nothing, and no error.
        `filter`: a JMESPath expression; only events whose data are JSON that makes it true are yielded.
        `select`: a JMESPath expression; its value, as JSON, takes the place of an event's data. It is `null` where the
        data are not JSON, or a function meets a type that it cannot take. `filter` sees the data as they were.
        An expression is a text, what `jmespath.compile` gives, or an `Expression`.
        `on_damage`: "skip" leaves out the events of damaged journals that cannot be read, and no others; of a journal
        whose manifest cannot be read, all. A callable does so too, and is told of each such journal once, by a
        `Damage`. `skipped` of what this gives has these. "error": the first one ends the replay.
        `memory_budget`: at most about so many bytes of data are held, without the events that the caller keeps; 0: as
        few as possible. Beside them are held, in the range, the rows of the journals that overlap, some 130 bytes each,
        and an event that is larger, once. With less than 200 KB for each journal that overlaps, there are more
        requests.
        `ValueError` for a range that ends before it begins, or an expression that can never be evaluated; `TypeError`
        or `ValueError` for an `after` that is neither, or of another store. No request is made before the first event
        is asked for.
        """
        scan = self._scan(from_date, to_date, after, on_damage, memory_budget)
        return Replay.begun(self._ctx, scan, stage_of(filter, select), filter)

    def replay_batches(  # noqa: PLR0913  as above
        self,
        from_date: datetime | None = None,
        to_date: datetime | None = None,
        *,
        after: After | None = None,
        filter: Given | None = None,
        select: Given | None = None,
        columns: GivenColumns | None = None,
        schema: GivenSchema | None = None,
        on_mismatch: OnMismatch = "error",
        on_damage: OnDamage = "error",
        batch_size: int = BATCH_SIZE,
        memory_budget: int = MEMORY_BUDGET,
    ) -> ReplayBatches:
        """Give the same events, in the same order, as a stream of Arrow record batches of at most `batch_size` rows.

        Anything that reads Arrow streams takes what this gives: `pyarrow.table(...)`, `polars.DataFrame(...)`, a
        DuckDB query. Columns: event_id (string), date (timestamp, microseconds in UTC), data (binary view). Data are
        not copied, so a batch that is kept keeps the bytes that were fetched for it.

        `columns`: instead of the data, a column for each of these JMESPath expressions, with its values:
        `{"n": "length(files)"}`. `event_id` and `date` come along, unless they are given themselves, or as None.
        `schema`: their types, as an Arrow schema (pyarrow's, polars'), or for each name an Arrow type or a text: int64,
        float64, bool, string, binary, timestamp, date, json, `list<int64>`, `struct<name: string>`. A type that is left
        open is inferred from the first 1,000 events that the filter is true of: integers give int64, floats and both
        together float64, texts string, booleans bool, arrays a list; all else, and what disagrees, json.
        `on_mismatch`: a value that does not fit its type is an error that names event and column, or "null".
        A value is null where the data are not JSON, have no such value, or are of a type that a function cannot take.
        `after`, `on_damage`: as for `replay`; `skipped` of what this gives is that of the stream that was read last.
        `ValueError` also for a type that no column has, or one for a column that there is not.
        """
        scan = self._scan(from_date, to_date, after, on_damage, memory_budget)
        wanted = Wanted(Stages.of(filter, select), Columns.of(columns, schema, on_mismatch))
        begin, sample = (partial(batches, self._ctx, one) for one in (scan, scan.of_sample()))
        return ReplayBatches(partial(begin, filter=filter), wanted, batch_size, sample)

    def partitions(  # noqa: PLR0913  as above
        self,
        from_date: datetime | None = None,
        to_date: datetime | None = None,
        *,
        after: After | None = None,
        filter: Given | None = None,
        select: Given | None = None,
        columns: GivenColumns | None = None,
        schema: GivenSchema | None = None,
        on_mismatch: OnMismatch = "error",
        on_damage: OnDamage = "error",
        size: int = SIZE,
        presigned: bool = False,
    ) -> list[Partition]:
        """Cut the same replay into partitions: in date order, with no date in common, of about `size` bytes of data.

        Each reads itself, in any process or machine that can reach the store (`events`, `batches`); together they give
        what is there now. They are planned from a listing and at most 32 requests more, and are good for twelve hours.
        `presigned`: they can be read without credentials, for an hour; they are larger, and all manifests are read.
        `columns`, `schema`, `on_mismatch`: what their `batches` have, as for `replay_batches`. Types are inferred here,
        once for all.
        `after`: as for `replay`; what is not later is left out by the first partition, which begins with that date.
        `on_damage`: as for `replay`, by each partition for itself. Where they are pickled, so is a callable.
        `ValueError` for a range that ends before it begins, a size below 1, an expression that can never be evaluated,
        `presigned` where the store is not on S3, or together with `on_damage`.
        """
        scan = self._scan(from_date, to_date, after, on_damage)
        wanted = Wanted(Stages.of(filter, select), Columns.of(columns, schema, on_mismatch))
        typed = wanted.inferred(partial(batches, self._ctx, scan.of_sample()))
        return partitions(self._ctx, scan, typed, size, presigned=presigned)

    def scan_polars(  # noqa: PLR0913  as above
        self,
        from_date: datetime | None = None,
        to_date: datetime | None = None,
        *,
        after: After | None = None,
        filter: Given | None = None,
        select: Given | None = None,
        columns: GivenColumns | None = None,
        schema: GivenSchema | None = None,
        on_mismatch: OnMismatch = "error",
        on_damage: OnDamage = "error",
    ) -> "pl.LazyFrame":
        """Give the same events as a polars LazyFrame: columns event_id, date (UTC, microseconds), data (binary).

        Each `collect` is a replay, of the dates that the query's conditions on `date` leave, and as far as its `head`
        needs. `columns`, `schema`, `on_mismatch`: as for `replay_batches`; only columns that the query needs are read.
        Types are inferred here. `after`: as for `replay`. `on_damage`: as for `replay`, each time that it is collected.
        `ModuleNotFoundError` without polars.
        """
        from flashflood.replay.polars_scan import scan_polars  # noqa: PLC0415  polars is wanted here only

        scan = self._scan(from_date, to_date, after, on_damage)
        wanted = Wanted(Stages.of(filter, select), Columns.of(columns, schema, on_mismatch))
        return scan_polars(self._ctx, scan, wanted.inferred(partial(batches, self._ctx, scan.of_sample())))

    def search(
        self,
        expression: Given,
        from_date: datetime | None = None,
        to_date: datetime | None = None,
        *,
        after: After | None = None,
        on_damage: OnDamage = "error",
    ) -> Any:  # noqa: ANN401  any JSON
        """Evaluate a JMESPath expression over all events of a replay at once.

        Gives what `jmespath.search(expression, {"events": [json.loads(event.data) for event in ff.replay(...)]})` does,
        with the same errors; the range and `after` are those of `replay`. An expression that goes through the events
        one by one (`events[].foo`) holds little more than its result in memory; any other one holds the data of all
        events.
        `on_damage`: as for `replay`; a callable is told once all events have been read.
        """
        return search.search(self._ctx, expression, self._scan(from_date, to_date, after, on_damage))

    def list_event_streams(
        self, from_date: datetime | None = None, to_date: datetime | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield an event stream for each living journal that overlaps from_date < date <= to_date, lazily.

        A stream is a dict that `replay_event_stream` reads anywhere, without credentials, for an hour, or until the
        credentials here end, where they are temporary.
        """
        return list_event_streams(self._ctx, DateRange.of(from_date, to_date))

    def _scan(
        self,
        from_date: datetime | None,
        to_date: datetime | None,
        after: After | None,
        on_damage: OnDamage = "error",
        memory_budget: int = MEMORY_BUDGET,
    ) -> Scan:
        """Take what a caller gave. `TypeError` and `ValueError` as `replay` has them."""
        dates, place = DateRange.of(from_date, to_date), place_of(after, self._ctx.store.name)
        within = dates if place is None else dates.since(place[0])
        return Scan(within, checked_budget(memory_budget), on_damage=damage.checked(on_damage), after=place)
