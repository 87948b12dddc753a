"""The storm's checker finds what is wrong in histories that are wrong, and nothing in those that are right."""

from math import inf
from pathlib import Path
from typing import Any

import pytest
from storm.content import Shown, data_of, date_of, microseconds_of, own_id, shown
from storm.ends import check_all, check_ids
from storm.history import Call, Op, read_calls
from storm.linear import has_order
from storm.log import Log
from storm.replays import check_replays

LATER = 10**10
"""When all that others have left counts as left behind."""


def call(name: str, begun: int, ended: float, outcome: str = "done", result: Any = None, **arguments: Any) -> Call:  # noqa: ANN401
    return Call("worker", name, arguments, begun, ended, outcome, result)


def put(token: str, begun: int, ended: float, outcome: str = "done", event_id: str = "a") -> Call:
    return call("put", begun, ended, outcome, id=event_id, token=token)


def update(token: str, begun: int, ended: float, outcome: str = "done", event_id: str = "a") -> Call:
    return call("update_event", begun, ended, outcome, id=event_id, token=token)


def delete(begun: int, ended: float, outcome: str = "done", event_id: str = "a") -> Call:
    return call("delete_event", begun, ended, outcome, id=event_id)


def event(put_token: str, token: str | None = None, event_id: str = "a") -> Shown:
    return event_id, microseconds_of(put_token), token or put_token


def get(found: Shown | None, begun: int, ended: float, event_id: str = "a") -> Call:
    return call("get_event", begun, ended, "done" if found else "notfound", found, id=event_id)


def replay(begun: int, ended: float, *events: Shown, name: str = "replay", **bounds: int) -> Call:
    listed = sorted(events, key=lambda one: (one[1], one[0]))
    return call(name, begun, ended, result=listed, since=bounds.get("since"), until=bounds.get("until"))


def batch(begun: int, ended: float, outcome: str, *puts: tuple[str, str], mode: str = "error") -> Call:
    return call("put_many", begun, ended, outcome, [], events=[list(one) for one in puts], mode=mode)


RIGHT: dict[str, list[Call]] = {
    "one after the other": [put("p", 1, 2), get(event("p"), 3, 4), delete(5, 6), get(None, 7, 8)],
    "together, in one order": [put("p", 1, 2), update("u", 3, 9), get(event("p"), 4, 5), get(event("p", "u"), 6, 7)],
    "together, in the other": [put("p", 1, 2), update("u", 3, 9), get(event("p", "u"), 4, 5)],
    "two puts of one id": [put("p", 1, 5), put("q", 2, 6, "exists"), get(event("p"), 7, 8)],
    "put again after its delete": [put("p", 1, 2), delete(3, 4), put("q", 5, 6), get(event("q"), 7, 8)],
    "two deletes at one time": [put("p", 1, 2), delete(3, 6), delete(4, 7), get(None, 8, 9)],
    "killed, and done": [put("p", 1, inf, "killed"), get(event("p"), 7, 8)],
    "killed, and not done": [put("p", 1, inf, "killed"), get(None, 7, 8)],
    "killed, and done late": [put("p", 1, inf, "killed"), get(None, 3, 4), get(event("p"), 7, 8)],
    "failed, and done late": [
        put("p", 1, 2),
        update("u", 3, 4, "server"),
        get(event("p"), 5, 6),
        get(event("p", "u"), 7, 8),
    ],
    "a batch killed, and seen whole": [
        batch(1, inf, "killed", ("a", "p"), ("b", "q")),
        get(event("p"), 2, 3),
        get(event("q", event_id="b"), 4, 5, "b"),
    ],
    "a batch killed, and not yet seen whole": [
        batch(1, inf, "killed", ("a", "p"), ("b", "q")),
        get(None, 2, 5, "b"),
        get(event("p"), 4, 6),
    ],
}
WRONG: dict[str, list[Call]] = {
    "lost": [put("p", 1, 2), get(None, 3, 4)],
    "old data": [put("p", 1, 2), update("u", 3, 4), get(event("p"), 5, 6)],
    "new data, then old": [put("p", 1, 2), update("u", 3, 9), get(event("p", "u"), 4, 5), get(event("p"), 6, 7)],
    "two puts of one id": [put("p", 1, 5), put("q", 2, 6)],
    "a put refused without an event": [put("p", 1, 2), delete(3, 4), put("q", 5, 6, "exists")],
    "found after its delete": [put("p", 1, 2), delete(3, 4), get(event("p"), 5, 6)],
    "before it was put": [get(event("p"), 1, 2), put("p", 3, 4)],
    "killed, done, and undone": [put("p", 1, inf, "killed"), get(event("p"), 3, 4), get(None, 5, 6)],
    "an update that found nothing": [put("p", 1, 2), update("u", 3, 4, "notfound")],
    "an update of what was deleted": [put("p", 1, 2), delete(3, 4), update("u", 5, 6)],
    "another's date": [put("p", 1, 2), get(("a", 17, "p"), 3, 4)],
    "a batch refused, and seen": [batch(1, 2, "exists", ("a", "p"), ("b", "q")), get(event("p"), 3, 4)],
    "a batch killed, and seen in part": [
        batch(1, inf, "killed", ("a", "p"), ("b", "q")),
        get(event("p"), 2, 3),
        get(None, 4, 5, "b"),
        put("r", 6, 7, event_id="b"),
        get(event("r", event_id="b"), 8, 9, "b"),
    ],
}


@pytest.mark.parametrize("name", RIGHT)
def test_calls_that_an_order_explains_are_right(name: str) -> None:
    assert list(check_ids(RIGHT[name])) == []


@pytest.mark.parametrize("name", WRONG)
def test_calls_that_no_order_explains_are_found(name: str) -> None:
    assert [violation.what for violation in check_ids(WRONG[name])] == ["no order explains these calls"]


def test_of_many_calls_those_are_shown_that_have_no_order() -> None:
    many = [update(f"u{number}", 10 * number, 10 * number + 5) for number in range(1, 40)]
    wrong = get(event("p", "u3"), 58, 59)
    (violation,) = check_ids([put("p", 1, 2), *many, wrong])
    assert violation.calls[-1] is wrong
    assert len(violation.calls) == 7


def test_a_long_history_of_one_id_with_many_killed_calls_is_decided() -> None:
    ops = [Op(0, 1, "put", "p", 5)]
    for number in range(1, 150):
        killed = number % 5 == 0
        token = f"u{number}"
        ops.append(Op(10 * number, inf if killed else 10 * number + 12, "update", token, 0, killed))
        ops.append(Op(10 * number + 13, 10 * number + 14, "is", token if not killed else f"u{number - 1}", 5))
    assert has_order(ops)
    assert not has_order([*ops, Op(10**6, 10**6 + 1, "absent")])


GOOD_REPLAYS: dict[str, list[Call]] = {
    "whole": [put("p", 1, 2), put("q", 1, 2, event_id="b"), replay(3, 4, event("p"), event("q", event_id="b"))],
    "put meanwhile, or not": [put("p", 1, 5), replay(3, 6), replay(3, 6, event("p"))],
    "deleted meanwhile": [put("p", 1, 2), delete(4, 5), replay(3, 6)],
    "updated, not applied": [put("p", 1, 2), update("u", 3, 4), replay(5, 6, event("p"))],
    "a delete that was killed, much later": [put("p", 1, 2), delete(3, inf, "killed"), replay(90, 99)],
    "outside of the range": [put("p", 1, 2), replay(3, 4, until=microseconds_of("p") - 1)],
    "put again, beside the deleted one": [
        put("p", 1, 2),
        delete(3, 4),
        put("q", 5, 6),
        replay(7, 8, event("p"), event("q")),
    ],
    "gone, and there again while a combination is not finished": [
        put("p", 1, 2),
        delete(3, 9),
        replay(4, 5),
        call("update", LATER, LATER + 9, most=None),
        replay(LATER + 2, LATER + 3, event("p")),
    ],
    "killed, and not applied at first": [
        put("p", 1, 2),
        update("u", 3, inf, "killed"),
        replay(5, 6, event("p")),
        replay(7, 8, event("p", "u")),
    ],
}
BAD_REPLAYS: dict[str, tuple[str, list[Call]]] = {
    "lost": ("lost 1 event", [put("p", 1, 2), replay(3, 4)]),
    "lost, and its delete found nothing": ("lost 1 event", [put("p", 1, 2), delete(2, 3, "notfound"), replay(3, 4)]),
    "twice": ("gave an event twice", [put("p", 1, 2), replay(3, 4, event("p"), event("p"))]),
    "twice, in two journals of other dates": (
        "gave 2 events of one id",
        [put("p", 1, inf, "killed"), put("q", 1, inf, "killed"), replay(3, 4, event("p"), event("q"))],
    ),
    "out of order": (
        "was out of order",
        [
            put("p", 1, 2),
            put("q", 1, 2, event_id="b"),
            call(
                "replay",
                3,
                4,
                result=sorted([event("p"), event("q", event_id="b")], key=lambda one: -one[1]),
                since=None,
                until=None,
            ),
        ],
    ),
    "another event's bytes": (
        "not its own",
        [put("p", 1, 2), put("q", 1, 2, event_id="b"), replay(3, 4, event("p", "q"))],
    ),
    "no event's bytes": ("not its own", [put("p", 1, 2), replay(3, 4, event("p", "?b'x'"))]),
    "of an event that nobody put": ("nobody had put", [replay(3, 4, event("p"))]),
    "of a refused put": ("had been refused", [put("p", 1, 2, "exists"), replay(3, 4, event("p"))]),
    "outside of the range": (
        "outside its range",
        [put("p", 1, 2), replay(3, 4, event("p"), until=microseconds_of("p") - 1)],
    ),
    "data from before the put": (
        "an update before its put",
        [update("u", 1, 2), put("p", 3, 4), replay(5, 6, event("p", "u"))],
    ),
    "data from after the delete": (
        "an update after its delete",
        [put("p", 1, 2), delete(3, 4), update("u", 5, 6), replay(7, 8, event("p", "u"))],
    ),
    "older data than before": (
        "older than those shown before",
        [
            put("p", 1, 2),
            update("u", 3, 4),
            update("v", 5, 6),
            replay(7, 8, event("p", "v")),
            call("journal", LATER, LATER + 1, "too few", least=5),
            replay(LATER + 2, LATER + 3, event("p", "u")),
        ],
    ),
    "gone, and there again": (
        "were gone before",
        [
            put("p", 1, 2),
            delete(3, 9),
            replay(4, 5),
            call("update", LATER, LATER + 1, most=None),
            replay(LATER + 2, LATER + 3, event("p")),
        ],
    ),
}


@pytest.mark.parametrize("name", GOOD_REPLAYS)
def test_replays_that_are_right_are_left_alone(name: str) -> None:
    assert list(check_replays(GOOD_REPLAYS[name])) == []


@pytest.mark.parametrize("name", BAD_REPLAYS)
def test_replays_that_are_wrong_are_found(name: str) -> None:
    what, calls = BAD_REPLAYS[name]
    assert any(what in violation.what for violation in check_replays(calls))


def test_streams_may_have_an_event_in_two_journals_and_may_lose_none() -> None:
    one, two = {"journal": "1", "events": [event("p")]}, {"journal": "2", "events": [event("p")]}
    calls = [put("p", 1, 2), call("streams", 3, 4, result=[one, two], since=None, until=None)]
    assert list(check_replays(calls)) == []
    (violation,) = check_replays([put("p", 1, 2), call("streams", 3, 4, result=[], since=None, until=None)])
    assert "streams lost 1 event" in violation.what


def finale(name: str, result: Any, outcome: str = "done", **arguments: Any) -> Call:  # noqa: ANN401
    return Call("finale", name, arguments, 100, 101, outcome, result)


def at_rest(**other: Any) -> list[Call]:  # noqa: ANN401
    """Give a history that is right, but for what is given otherwise."""
    said: dict[str, Any] = {
        "check": [],
        "replay": [event("p")],
        "streams": [{"journal": "1", "events": [event("p")]}],
        "keys": ["index/a--0000000002", "journals/1", "blobs/1", "gone/b--0000000001"],
        "get": event("p"),
        "old replay": [event("p")],
        "old get": event("p"),
        **other,
    }
    return [
        put("p", 1, 2),
        finale("final check", said["check"]),
        finale("final replay", said["replay"]),
        finale("streams", said["streams"], since=None, until=None),
        finale("get_event", said["get"], id="a"),
        finale("final keys", said["keys"]),
        Call("old", "old replay", {}, 102, 103, "done", said["old replay"]),
        Call("old", "old get", {"id": "a"}, 102, 103, "done", said["old get"]),
    ]


def test_a_store_at_rest_where_all_say_the_same_is_right() -> None:
    assert check_all(at_rest()) == []


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"check": ["something"]}, "at rest, check found: something"),
        ({"replay": []}, "at rest, get_event gave"),
        ({"streams": []}, "at rest, the event streams gave other events"),
        ({"keys": ["index/a--0000000002", "index/b--0000000001"]}, "1 ids without an event have index entries"),
        ({"keys": ["journals/1.dead"]}, "1 tombstones are left"),
        ({"keys": ["ledger/1"]}, "1 objects are left under ledger/"),
        ({"old replay": []}, "0.4.3 replays other events"),
        ({"old get": event("p", "q")}, "0.4.3's get_event gave done"),
    ],
)
def test_a_store_at_rest_where_something_is_left_or_says_otherwise_is_found(said: dict[str, Any], what: str) -> None:
    assert any(what in violation.what for violation in check_all(at_rest(**said)))


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (call("check", 1, 2, result=["journal x: its blob is missing"]), "check cried wolf"),
        (call("replay", 1, 2, "corrupt", "FlashFloodCorruptionError: blob"), "came to corrupt"),
        (call("get_event", 1, 2, "bug", "KeyError: 'x'", id="a"), "came to bug"),
        (finale("repair", "FlashFloodException: no", "refused"), "came to refused"),
    ],
)
def test_what_no_call_may_come_to_is_found(wrong: Call, what: str) -> None:
    (violation,) = check_all([wrong])
    assert what in violation.what


def test_a_log_gives_the_calls_that_ended_and_the_one_that_was_killed(tmp_path: Path) -> None:
    log = Log(str(tmp_path), "putter-1-001")
    log.end(log.begin("put", {"id": "a", "token": "p"}), "done", result=True)
    log.begin("put", {"id": "b", "token": "q"})
    with (tmp_path / "putter-1-001.jsonl").open("ab") as file:
        file.write(b'{"n": 2, "at"')
    first, second = read_calls(tmp_path)
    assert (first.worker, first.name, first.arguments) == ("putter-1-001", "put", {"id": "a", "token": "p"})
    assert (first.outcome, first.result) == ("done", True)
    assert first.begun <= first.ended <= second.begun
    assert (second.outcome, second.ended) == ("killed", inf)


def test_data_tell_their_token_and_nothing_else_does() -> None:
    token, *_ = ["putter-1-001.00001"]
    assert shown(own_id(token), date_of(token), data_of(token)) == (own_id(token), microseconds_of(token), token)
    assert shown("a", date_of(token), data_of(token)[:-1])[2].startswith("?")
    assert shown("a", date_of(token), b"")[2].startswith("?")
