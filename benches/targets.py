"""What the package was to reach, beside what was measured: the first table of docs/benchmarks.md."""

from collections.abc import Iterator
from typing import NamedTuple

from events import FIELD, NESTED
from measuring import Row
from results import MEGA, MICRO, MILLI, Results, above, code, number, times
from stores import LATENCY, ONE_CORE

SERVERS = ("RADOS Gateway", "moto")
LEVEL = 1.3
"""How much more a call may take in a thousand times as large a file: the machine's noise."""
MANY = 20_000
"""Events a second that `put_many` is to reach."""


class Target(NamedTuple):
    """One figure that was to be reached."""

    work: str
    old: str
    """0.4.3's, or another baseline's."""
    ours: str
    target: str
    is_met: bool

    @property
    def cells(self) -> list[str]:
        """Give a line of the table."""
        return [self.work, self.old, self.ours, self.target, "yes" if self.is_met else "**no**"]


_REST = (
    "the floor fetches with one thread and one body in memory; a replay's threads, and memory that is touched for the "
    "first time, take most of the target by themselves ([what is left](performance.md#replay)). A binary form of the "
    "manifests, which 0.4.3 could not read, would save most of the 0.05 µs that a row takes"
)
_GIL = (
    "the interpreter's lock goes from core to core some twenty times a request; the line with the client on one core "
    "shows what it costs ([requests](performance.md#requests)). Fewer system calls in botocore and urllib3, or a fetch "
    "outside the interpreter, would reach it"
)
_MOTO = "moto, one process of Python, is the limit: it is busy for most of the time that the client waits"
WHY = {
    "replay, 100,000 events": _REST,
    "replay, 200,000 events": _REST,
    "replay, 1,000,000 events": _REST,
    "replay as Arrow batches": f"{_REST}. Reading the manifests takes half of this target alone",
    "the same into Arrow batches": "the batches miss theirs, as above",
    "listing journals": "the processor, which others share, was slow in this run; ours to 0.4.3 is what to look at",
    "replay of a SQLite file": "SQLite copies the data page by page, and fetching, which is below S3's floor, counts "
    "here. Mapped into memory (`mmap_size`) the file took 0.7 to 0.8 of this in a trial; but then a disk that "
    "fails ends the process, instead of giving an error",
    "replay of an hour in a SQLite file": "the journals before the hour are listed: a page of them at the larger size",
    "get_event in a SQLite file": "the file's tree is deeper, and larger than SQLite's cache; what takes the tenth "
    "of a millisecond was not looked for",
    "replay with the filter": "each event's bytes are checked to be JSON and noted token by token before the "
    "condition is looked at; a scanner on the processor's wide registers would come next",
    "get_event, read_pending_updates=False": "with three requests, a deleted event could be found again after "
    "a lost answer ([decisions](../CONTRIBUTING.md#decisions))",
}
"""Why a target was missed, where it is; by what its work begins with."""
NEW = "not known: it was met on the machine where this was written"
WHY_AT_LATENCY = {"RADOS Gateway": _GIL, "moto": _MOTO}
"""The same for the targets at latency, by the server's name."""

HEAD = ["work", "0.4.3", "ours", "target", "met"]


def targets(results: Results) -> Iterator[Target]:
    """Give all of them."""
    yield from _replay(results)
    yield from _at_latency(results)
    yield from _calls(results)
    yield from _rest(results)
    yield from _embedded(results)


def missed(results: Results) -> str:
    """Say why targets were missed."""
    why: dict[str, list[str]] = {}
    for target in targets(results):
        if not target.is_met:
            why.setdefault(_why(target), []).append(target.work)
    lines = [f"- {'; '.join(works)}: {reason}." for reason, works in why.items()]
    return "\n".join(["Missed, and why:", "", *lines, ""]) if lines else ""


def _why(target: Target) -> str:
    if "ms a request" in target.work:
        return next(why for server, why in WHY_AT_LATENCY.items() if target.work.endswith(server))
    return next((why for beginning, why in WHY.items() if target.work.startswith(beginning)), NEW)


def _most(work: str, old: str, ours: float, most: float, unit: str) -> Target:
    return Target(work, old, f"{number(ours)} {unit}", f"at most {most:.3g} {unit}", ours <= most)


def _replay(results: Results) -> Iterator[Target]:
    case = results.cases("ways")[0]
    floor = results.one("ways", side="floor", stage="replay")

    def way(side: str, stage: str) -> Row:
        return results.one("ways", side=side, stage=stage)

    old, ours = way("0.4.3", "replay"), way("ours", "replay")
    yield _most(f"replay, {case}, above the floor", f"{number(above(old, floor))} µs", above(ours, floor), 0.4, "µs")
    yield _most("replay as Arrow batches, above the floor", "", above(way("ours", "replay_batches"), floor), 0.1, "µs")
    for expression, most in ((FIELD, 0.55), (NESTED, 0.9)):
        old_filter, our_filter = (way(side, f"replay, {expression}") for side in ("0.4.3", "ours"))
        on_top = f"{number(above(old_filter, old))} µs"
        yield _most(
            f"replay with the filter {code(expression)}, on top of replay", on_top, above(our_filter, ours), 0.5, "µs"
        )
        batches = way("ours", f"replay_batches, {expression}")
        yield _most("the same into Arrow batches, all in above the floor", "", above(batches, floor), most, "µs")
    yield from _of_many(results)
    memory = max(row.median("memory") for row in results.rows if row.side == "ours" and row.runs[0].get("memory"))
    yield _most("memory of any of our runs, at most", "", memory * MEGA, 300, "MB")
    backlog = results.of("backlog")[-1]
    yield _most(f"memory of one `journal` of {backlog.case}", "", backlog.median("memory") * MEGA, 300, "MB")


def _of_many(results: Results) -> Iterator[Target]:
    """Give those of smaller events, of events put one by one, and of a million."""
    small, *_, combined = results.cases("stores")
    many = results.cases("growth")[-1]
    for group, case in (("stores", small), ("stores", combined), ("growth", many)):
        old, ours, floor = (
            results.one(group, case=case, side=side, stage="replay") for side in ("0.4.3", "ours", "floor")
        )
        work = f"replay, {case}, above the floor"
        yield _most(work, f"{number(above(old, floor))} µs", above(ours, floor), 0.4, "µs")
    for what, stage, most in (("", "replay_batches", 0.1), (f", {code(FIELD)},", f"replay_batches, {FIELD}", 0.55)):
        batches = results.one("growth", case=many, side="ours", stage=stage)
        work = f"replay as Arrow batches{what} of {floor.count:,} events, above the floor"
        yield _most(work, "", above(batches, floor), most, "µs")


def _at_latency(results: Results) -> Iterator[Target]:
    for group, what, leasts in (
        ("replay at latency", "replay, {}, {:.0f} ms a request", {"RADOS Gateway": 15, "moto": 10}),
        ("journal", "journal, {}, {:.0f} ms a request", {"RADOS Gateway": 25, "moto": 15}),
    ):
        for server, least in leasts.items():
            rows = results.of(group, server=server, latency=LATENCY)
            old = next(row for row in rows if row.side == "0.4.3")
            for case in (old.case, f"{old.case}, {ONE_CORE}"):
                ours = next(row for row in rows if row.side == "ours" and row.case == case)
                ratio = old.each("wall") / ours.each("wall")
                walls = [f"{number(row.each('wall') * MILLI)} ms an event" for row in (old, ours)]
                name = f"{what.format(case, LATENCY * MILLI)}, {server}"
                ours_text = f"{walls[1]}: {times(old.each('wall'), ours.each('wall'))}"
                yield Target(name, walls[0], ours_text, f"at least {least} times faster", ratio >= least)


def _calls(results: Results) -> Iterator[Target]:
    near = {"server": "moto", "latency": 0}
    for stage, number_of_requests in (
        ("put, id made", 3),
        ("put, id given", 7),
        ("update_event", 9),
        ("delete_event", 11),
        ("get_event", 6),
        ("get_event, not journaled", 7),
    ):
        old, ours = (results.one("calls", side=side, stage=stage, **near) for side in ("0.4.3", "ours"))
        yield _most(stage, f"{number(old.requests)} requests", ours.requests, number_of_requests, "requests")
    stage = "get_event, read_pending_updates=False"
    yield _most(stage, "", results.one("calls", side="ours", stage=stage, **near).requests, 3, "requests")
    old, ours = (results.one("calls", side=side, stage="update", **near) for side in ("0.4.3", "ours"))
    # The journal holds two events for each update: those put with and without an id.
    most = (2 * ours.count + 3 * ours.count + 12 + 10) / ours.count
    yield _most("update, for each update", f"{number(old.requests)} requests", ours.requests, most, "requests")
    for stage, each in (("put_many, ids made", 1), ("put_many, ids given", 4)):
        ours = results.one("calls", side="ours", stage=stage, **near)
        # Three objects for the batch, and what finds out, once, whether the server knows conditional PUT.
        yield _most(f"{stage}, for each event", "", ours.requests, each + 5 / ours.count, "requests")
    old, ours = (results.one("journal", side=side, **near) for side in ("0.4.3", "ours"))
    text = f"{number(old.requests)} requests"
    yield _most(f"journal, {ours.count:,} new events, for each", text, ours.requests, 6.1, "requests")


def _rest(results: Results) -> Iterator[Target]:
    old, ours = (results.one("listing", side=side) for side in ("0.4.3", "ours"))
    text = f"{number(old.each('cpu') * MILLI * 1000)} ms"
    yield _most("listing journals, CPU for 1,000 keys", text, ours.each("cpu") * MILLI * 1000, 25, "ms")
    finding = results.one("core", stage="ours, 1,000,000 ids")
    plain = results.one("core", stage="HashMap, 1,000,000 ids")
    beside = f"{number(plain.each('wall') * MICRO)} µs (Rust's HashMap)"
    yield _most("looking up an id among 1,000,000", beside, finding.each("wall") * MICRO, 0.3, "µs")
    building = results.one("core", stage="ours, the lookup built")
    yield _most("building that lookup", "", building.median("wall"), 1, "s")


def _embedded(results: Results) -> Iterator[Target]:
    """Give those of a SQLite file: each call costs the same, however many events it has."""
    small, *_, large = results.cases("embedded")
    file = {"side": "SQLite file"}
    for row in results.of("embedded", case=large, **file):
        before = results.one("embedded", case=small, stage=row.stage, **file)
        if row.stage == "put_many":
            rate = 1 / row.each("wall")
            ours = f"{rate:,.0f} a second"
            yield Target(f"put_many into a SQLite file of {large} events", "", ours, "at least 20,000", rate >= MANY)
            continue
        walls = [f"{number(each.each('wall') * MILLI)} ms" for each in (before, row)]
        ratio = row.each("wall") / before.each("wall")
        work = f"{row.stage} in a SQLite file of {large} events, beside {small}"
        yield Target(
            work, "", f"{walls[1]}: {number(ratio)} times", f"at most {LEVEL} times {walls[0]}", ratio <= LEVEL
        )
    put = results.one("embedded", case=large, stage="put", **file)
    commit = results.one("embedded", case=large, stage="put", side="table")
    rates = [f"{1 / row.each('wall'):,.0f} a second" for row in (commit, put)]
    is_met = put.each("wall") <= max(1e-3, 2 * commit.each("wall"))
    yield Target("put into it, beside a commit", rates[0], rates[1], "at least half of it, or 1,000", is_met)
    floor, far, near, *_ = results.of("embedded replay")
    most = 2 * above(far, floor)
    yield _most("replay of a SQLite file, beside twice S3's above the floor", "", near.each("cpu") * MICRO, most, "µs")
