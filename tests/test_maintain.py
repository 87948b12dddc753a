"""`maintain` does each job that a store needs when it is due by its rules, beside any other process that does."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import Place
from support.command_line import FLASHFLOOD, environment, lines, output, refusal, runner
from support.processes import Worker, tell, wait_for_word
from support.samples import AT_ONCE, at, contents, put_journaled, put_new
from support.watched import Answer, Counted, Watched, on

from flashflood import FlashFlood, FlashFloodCorruptionError, Maintained, Rules, layout
from flashflood.maintain import maintain
from flashflood.records import ledger
from flashflood.store import open_store

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)
NEVER = Rules(
    journal_events=None,
    journal_bytes=None,
    journal_age=None,
    update_count=None,
    update_age=None,
    compact_every=None,
    collect_every=None,
)
NOW = timedelta(0)
LONG = timedelta(days=1)
EVENTS = ["a", "b", "c", "d", "e", "f"]
NOTHING = Maintained(0, 0, 0, 0)
PAGE = Path(__file__).parents[1] / "docs" / "maintaining.md"


def rules(**given: object) -> Rules:
    """Give rules of which only these say that something is due."""
    fields = {name: getattr(NEVER, name) for name in Rules.__dataclass_fields__}
    return Rules(**{**fields, **given})


def new(ff: FlashFlood) -> int:
    return len(list(ff.new_journals()))


def updated(ff: FlashFlood) -> None:
    """Make a journal with an update and a delete that wait."""
    put_journaled(ff, *EVENTS)
    ff.update_event("b", b"new")
    ff.delete_event("c")


# What is due


def test_maintain_does_each_job_that_is_due(place: Place) -> None:
    ff = place.open()
    for minute, event_id in enumerate(EVENTS):
        put_journaled(ff, event_id, start=minute)
    ff.update_event("b", b"new")
    ff.delete_event("c")
    put_new(ff, "g", "h", start=10)
    wanted = contents(ff.replay()) | {"b": b"new"}
    del wanted["c"]
    done = ff.maintain(Rules(journal_events=2, update_count=2, target_size=4_000, grace=AT_ONCE))
    assert done[:3] == (2, 2, 6)
    assert done.collected > 0
    assert contents(ff.replay()) == wanted
    assert len(list(ff.list_journals())) == 1
    assert [key for key in ff._ctx.entries("") if key.key.endswith(".dead")] == []  # noqa: SLF001  what is left
    assert ff.check() == []


@ON_FOLDER
@pytest.mark.parametrize(
    ("less", "due"),
    [
        ({"journal_events": 7}, {"journal_events": 6}),
        ({"journal_bytes": 55}, {"journal_bytes": 54}),
        ({"journal_age": LONG}, {"journal_age": NOW}),
    ],
    ids=["events", "bytes", "age"],
)
def test_new_events_are_journaled_as_soon_as_one_rule_says_so(
    place: Place, less: dict[str, object], due: dict[str, object]
) -> None:
    ff = place.open()
    stored = put_new(ff, *EVENTS)
    assert sum(map(len, stored.values())) == 54
    assert ff.maintain(rules(**less)) == NOTHING
    assert new(ff) == 6
    assert ff.maintain(rules(**less, **due) if less.keys() != due.keys() else rules(**due)).journaled == 6
    assert new(ff) == 0
    assert contents(ff.replay()) == stored


@ON_FOLDER
@pytest.mark.parametrize(
    ("less", "due"),
    [({"update_count": 3}, {"update_count": 2}), ({"update_age": LONG}, {"update_age": NOW})],
    ids=["count", "age"],
)
def test_updates_are_applied_as_soon_as_one_rule_says_so(
    place: Place, less: dict[str, object], due: dict[str, object]
) -> None:
    ff = place.open()
    updated(ff)
    assert ff.maintain(rules(**less)) == NOTHING
    assert ff.maintain(rules(**due)).updates == 2
    shown = contents(ff.replay())
    assert shown["b"] == b"new"
    assert "c" not in shown


@ON_FOLDER
@pytest.mark.parametrize("job", ["compact", "collect"])
def test_a_job_is_begun_again_only_after_its_interval_whoever_began_it(place: Place, job: str) -> None:
    each_hour = rules(**{f"{job}_every": timedelta(hours=1)}, target_size=3_500, grace=AT_ONCE)
    now = rules(**{f"{job}_every": NOW}, target_size=3_500, grace=AT_ONCE)

    def work(start: int) -> None:
        for minute, event_id in enumerate(EVENTS, start):
            put_journaled(place.open(), f"{event_id}{start}", start=minute)

    work(0)
    assert sum(place.open().maintain(each_hour)) > 0
    work(10)
    assert place.open().maintain(each_hour) == NOTHING
    assert sum(place.open().maintain(now)) > 0


@ON_FOLDER
def test_a_round_in_which_nothing_is_due_takes_eight_requests_and_changes_no_event(place: Place) -> None:
    ff = place.open()
    put_new(ff, *EVENTS)
    ff.maintain(Rules(journal_bytes=None))
    store = Counted(place.store())
    assert on(store).maintain(Rules(journal_bytes=None)) == NOTHING
    assert len(store.requests) == 8
    assert {key for _, key in store.writes} == {layout.CLOCK}


@ON_FOLDER
def test_a_backlog_goes_into_journals_of_bounded_size(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ff = place.open()
    stored = put_new(ff, *EVENTS)
    monkeypatch.setattr(maintain, "EVENTS_OF_A_JOURNAL", 2)
    assert ff.maintain(rules(journal_events=1)).journaled == 6
    assert len(list(ff.list_journals())) == 3
    stored |= put_new(ff, "g", "h", "i", start=10)
    monkeypatch.setattr(maintain, "EVENTS_OF_A_JOURNAL", 1000)
    assert ff.maintain(rules(journal_events=1, target_size=10)).journaled == 3
    assert len(list(ff.list_journals())) == 5
    assert contents(ff.replay()) == stored


@ON_FOLDER
def test_small_batches_are_journaled_whole(place: Place) -> None:
    ff = place.open()
    for first in range(0, 12, 3):
        ff.put_many([(b"data", str(number), at(number)) for number in range(first, first + 3)])
    assert new(ff) == 4
    assert ff.maintain(rules(journal_events=4)).journaled == 12
    assert new(ff) == 0
    assert len(list(ff.list_journals())) == 1


def test_the_defaults_of_the_command_are_those_of_rules() -> None:
    told = subprocess.run([FLASHFLOOD, "maintain", "--help"], capture_output=True, text=True, check=True).stdout
    defaults = re.findall(r"\[default:\s+([^;\]\s]+)", told)
    assert defaults == ["1000", "16000000", "5m", "1000", "1h", "1h", "16000000", "1h", "1d"]
    assert Rules() == Rules(
        journal_events=1000,
        journal_bytes=16_000_000,
        journal_age=timedelta(minutes=5),
        update_count=1000,
        update_age=timedelta(hours=1),
        compact_every=timedelta(hours=1),
        target_size=16_000_000,
        collect_every=timedelta(hours=1),
        grace=timedelta(days=1),
    )


# Faults, and others at work


@ON_FOLDER
def test_where_a_job_fails_the_others_are_done_and_its_error_is_raised(place: Place) -> None:
    ff = place.open()
    updated(ff)
    put_new(ff, "g", start=10)
    (broken,) = ff.new_journals()
    place.store().put(layout.journal_key(broken), b"no manifest")
    with pytest.raises(FlashFloodCorruptionError, match=str(broken)):
        ff.maintain(rules(journal_events=1, update_count=1))
    (sound,) = [journal for journal in ff.list_journals() if journal != broken]
    assert [event["event_id"] for event in ff.open_journal(sound).events] == ["a", "b", "d", "e", "f"]


class Elsewhere(Watched):
    """Lets something happen just before the first write of a ledger entry."""

    def __init__(self, place: Place, happen: Callable[[], object]) -> None:
        super().__init__(place.store())
        self._happen: Callable[[], object] | None = happen

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if method == "put" and key.startswith(layout.LEDGER) and self._happen is not None:
            happen, self._happen = self._happen, None
            happen()
        return send()


@ON_FOLDER
@pytest.mark.usefixtures("no_patience")
def test_what_another_process_is_faster_with_is_left_to_it(place: Place) -> None:
    ff = place.open()
    stored = put_new(ff, *EVENTS)
    store = Elsewhere(place, lambda: ff.journal(len(EVENTS)))
    assert on(store).maintain(rules(journal_events=1)) == NOTHING
    assert new(ff) == 0
    assert contents(ff.replay()) == stored


@ON_FOLDER
def test_once_it_is_to_stop_nothing_further_is_begun(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintain, "EVENTS_OF_A_JOURNAL", 2)
    put_new(place.open(), *EVENTS)
    stop = threading.Event()
    done = on(Elsewhere(place, stop.set)).maintain(Rules(journal_events=1), stop=stop)
    assert done == Maintained(2, 0, 0, 0)
    assert place.open().maintain(Rules(journal_events=1), stop=stop) == NOTHING


@ON_FOLDER
def test_it_goes_on_round_by_round_until_it_is_to_stop_and_says_what_was_done_in_all(place: Place) -> None:
    ff, stop = place.open(), threading.Event()
    told: list[Maintained] = []

    def keep() -> None:
        told.append(ff.maintain(rules(journal_events=2), every=timedelta(milliseconds=10), stop=stop))

    keeper = threading.Thread(target=keep)
    keeper.start()
    for first in range(0, 6, 2):
        put_new(place.open(), *EVENTS[first : first + 2], start=first)
        while new(ff):
            pass
    stop.set()
    keeper.join()
    assert told == [Maintained(6, 0, 0, 0)]


def putting(url: str, name: str) -> None:
    """Put events, and update or delete some, in a process of its own; wait for word in the middle."""
    ff = FlashFlood.open(url)
    kept = {}
    for number in range(12):
        if number == 6:
            tell("half")
            wait_for_word()
        event_id = f"{name}-{number}"
        ff.put(b"first", event_id, at(number))
        kept[event_id] = "first"
        if number % 5 == 0:
            ff.update_event(event_id, b"second")
            kept[event_id] = "second"
        elif number % 7 == 0:
            ff.delete_event(event_id)
            del kept[event_id]
    tell(kept)


def keeping(url: str) -> None:
    """Maintain a store in a process of its own, until there is word to stop."""
    ledger.LEFT_BEHIND = timedelta(seconds=2)
    stop = threading.Event()

    def stop_at_a_word() -> None:
        wait_for_word()
        stop.set()

    threading.Thread(target=stop_at_a_word).start()
    due = rules(journal_events=3, update_count=2, compact_every=NOW, target_size=20_000, collect_every=NOW)
    tell(FlashFlood.open(url).maintain(due, every=timedelta(milliseconds=50), stop=stop).journaled)


@pytest.mark.parametrize("place", ["sqlite", "moto"], indirect=True)
def test_any_number_of_them_keep_one_store_beside_writers_and_kills(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ff = place.open()
    kept: dict[str, str] = {}
    with ExitStack() as all_end:
        here = (place.env, "test_maintain")
        keepers = [all_end.enter_context(Worker(*here, "keeping", place.url)) for _ in range(3)]
        writers = [all_end.enter_context(Worker(*here, "putting", place.url, name)) for name in "xy"]
        assert [writer.hear() for writer in writers] == ["half", "half"]
        keepers.pop().kill()
        for writer in writers:
            writer.go()
        for writer in writers:
            kept |= writer.hear()
        while new(ff) >= 3:
            time.sleep(0.05)
        for keeper in keepers:
            keeper.go()
        assert sum(keeper.hear() for keeper in keepers) > 0
    monkeypatch.setattr(ledger, "LEFT_BEHIND", AT_ONCE)
    ff.repair()
    ff.maintain(rules(journal_events=1, update_count=1))
    ff.update(None)
    assert {event_id: data.decode() for event_id, data in contents(ff.replay()).items()} == kept
    assert ff.check() == []


# The command


def test_the_command_says_what_was_done(tmp_path: Path) -> None:
    run = runner(environment(tmp_path), tmp_path)
    output(run("put", "x", "--id", "a"))
    nothing = {"journaled": 0, "updates": 0, "compacted": 0, "collected": 0}
    assert lines(run("maintain")) == [nothing]
    assert lines(run("maintain", "--journal-age", "0s")) == [nothing | {"journaled": 1}]
    assert lines(run("maintain", "--journal-age", "never", "--journal-bytes", "never")) == [nothing]
    assert "90s, 5m" in refusal(run("maintain", "--every", "5"), 2)
    assert "--journal-events" in refusal(run("maintain", "--journal-events", "none"), 2)
    assert "90s, 5m" in refusal(run("maintain", "--grace", "never"), 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_command_with_exit_code_0(tmp_path: Path, number: signal.Signals) -> None:
    env = environment(tmp_path)
    output(runner(env, tmp_path)("put", "x", "--id", "a"))
    command = [FLASHFLOOD, "maintain", "--every", "1h", "--journal-age", "0s"]
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as keeper:
        assert keeper.stdout is not None
        assert json.loads(keeper.stdout.readline())["journaled"] == 1
        keeper.send_signal(number)
        _, said = keeper.communicate(timeout=60)
    assert (keeper.returncode, said) == (0, b"")


AT_WORK = """
import sys, time
from flashflood.cli.signals import asked_to_stop
with asked_to_stop() as stop:
    print("at work", flush=True)
    stop.wait()
    print("asked", flush=True)
    time.sleep(600)
"""


def test_a_second_signal_ends_it_at_once() -> None:
    with subprocess.Popen([sys.executable, "-c", AT_WORK], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for told in (b"at work\n", b"asked\n"):
            assert process.stdout.readline() == told
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == -signal.SIGTERM


# The recipes


def recipe(language: str, holding: str) -> str:
    """Give the block of the page in this language that holds some text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    (found,) = [block for block in blocks if holding in block]
    return str(found)


class LambdaContext:
    """What AWS Lambda tells a handler of its time."""

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_the_lambda_recipe_maintains_the_store(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**place.env, "FLASHFLOOD_STORE": place.url}.items():
        monkeypatch.setenv(name, value)
    function: dict[str, Callable[[object, LambdaContext], dict[str, int]]] = {}
    exec(recipe("python", "def handler"), function)  # noqa: S102  the recipe
    ff = place.open()
    data = b"x" * 50_000
    for minute, event_id in enumerate(EVENTS):
        ff.put(data, event_id, at(minute))
        ff.journal(1)
    assert function["handler"]({}, LambdaContext()) == NOTHING._asdict() | {"compacted": 6}
    assert contents(ff.replay()) == dict.fromkeys(EVENTS, data)


@pytest.mark.parametrize("recipe_of", [("crontab", "flashflood"), ("ini", "ExecStart"), ("dockerfile", "ENTRYPOINT")])
def test_each_recipe_calls_the_command_as_it_is(recipe_of: tuple[str, str], tmp_path: Path) -> None:
    text = recipe(*recipe_of).replace('", "', " ").replace('["', "").replace('"]', "")
    (arguments,) = re.findall(r"flashflood maintain([^\n>]*)", text)
    env = environment(tmp_path)
    with subprocess.Popen([FLASHFLOOD, "maintain", *arguments.split()], env=env, stdout=subprocess.PIPE) as keeper:
        keeper.send_signal(signal.SIGTERM)
        keeper.communicate(timeout=60)
    assert keeper.returncode in (0, -signal.SIGTERM)


@ON_FOLDER
def test_the_markers_of_maintenance_are_no_part_of_a_copy(place: Place, tmp_path: Path) -> None:
    ff = place.open()
    stored = put_journaled(ff, *EVENTS)
    ff.maintain()
    other = FlashFlood.open(tmp_path / "other.flashflood")
    ff.copy_to(other)
    assert contents(other.replay()) == stored
    assert open_store(tmp_path / "other.flashflood").list(layout.LAST).entries == []
