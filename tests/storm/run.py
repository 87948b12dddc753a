"""Running a course: round after round on an empty store, and what was logged in each held to the promises."""

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec

from support.old import FOLDER as OLD
from support.old import OldError, OldProcess

from . import finale
from .content import shown
from .ends import check_all
from .history import Call, read_calls, read_faults
from .killer import FORK, Crew
from .log import Log
from .places import empty_folder, make_bucket, proxied, running
from .plan import LONGEST_ROUND, Course, Plan, Times
from .replays import Violation
from .report import Figures, say, tell_violations

P = ParamSpec("P")

FINALE_TIMEOUT = 600
"""Seconds until the end of a round is given up; it takes a few where the machine has time."""
LOCAL = {"folder": "{}/", "sqlite": "{}/events.flashflood"}
"""URLs of the stores that are on no server."""
OLD_READS = 40
"""How many ids 0.4.3 reads one by one: it takes its time."""


def run_course(course: Course, seconds: float, seed: int, folder: Path) -> Figures:
    """Run a course for so many seconds, not counting what comes before and after each round; tell what it found."""
    rounds = max(1, round(seconds / LONGEST_ROUND))
    figures = Figures()
    with ExitStack() as stack:
        here = stack.enter_context(empty_folder(folder / "work"))
        server = stack.enter_context(running("moto" if course.store in LOCAL else course.store, here))
        for number in range(rounds):
            plan = Plan(
                seed=f"{seed}.{number}",
                times=Times(seconds / rounds),
                page=course.pages[number % len(course.pages)],
                logs=str(folder / f"{str(course).replace(' ', '-')}-{seed}.{number}"),
                url=LOCAL[course.store].format((here / "store").absolute())
                if course.store in LOCAL
                else f"s3://storm-{number}/store",
                environment=server,
                one_writer=not course.conditional,
            )
            _run_round(course, plan, figures)
    figures.tell(str(course))
    figures.tell_errors()
    return figures


def _run_round(course: Course, plan: Plan, figures: Figures) -> None:
    logs = Path(plan.logs)
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    if plan.folder is not None:
        Path(plan.folder).mkdir(parents=True, exist_ok=True)
    _in_a_process(make_bucket, plan.environment, _bucket(plan))
    begun = time.monotonic()
    crew = _rage(course, plan)
    figures.done.update(crew.done)
    figures.seconds += time.monotonic() - begun
    _end(plan)
    calls = read_calls(logs)
    figures.add_calls(calls, len(_ids(calls)))
    faults = Counter(line["fault"] for line in read_faults(logs))
    figures.faults.update(faults)
    violations = [*map(Violation, crew.crashed), *check_all(calls)]
    figures.violations += len(violations)
    say(
        f"{course}, seed {plan.seed}, pages of {plan.page}: {len(calls)} calls, {sum(faults.values())} faults,"
        f" {len(violations)} violations"
    )
    tell_violations(violations, calls)
    if violations:
        say(f"the logs are in {logs}")
    else:
        shutil.rmtree(logs)
    if plan.folder is not None:
        shutil.rmtree(plan.folder, ignore_errors=True)


def _rage(course: Course, plan: Plan) -> Crew:
    """Let the crew work, through the proxy if there is one, until all have ended and nothing is on its way."""
    with ExitStack() as stack:
        if not course.is_direct:
            through = stack.enter_context(proxied(plan.environment, course, plan))
            plan = replace(plan, environment=through)
        crew = Crew(plan)
        crew.run()
        if course.faults:
            time.sleep(plan.times.hold)
    return crew


def _end(plan: Plan) -> None:
    """Finish what is left, read everything, and have 0.4.3 read it."""
    ids = _ids(read_calls(Path(plan.logs)))
    if not _ends_well(finale.finish, plan, ids):
        return  # its log says in which call it was, and the checker what that means
    some = random.Random(plan.seed).sample(ids, min(len(ids), OLD_READS))  # noqa: S311 - to be repeated
    url = plan.url
    if plan.folder is not None:
        url = f"s3://{_bucket(plan)}/copy"
        _in_a_process(finale.copy, plan, url, plan.environment, some)
    _read_with_old(plan, url, some)


def _ends_well(do: Callable[P, object], *arguments: P.args, **named: P.kwargs) -> bool:
    """Do something in a process of its own, since this one is forked again and may have no threads then."""
    process = FORK.Process(target=do, args=arguments, kwargs=named)
    process.start()
    process.join(FINALE_TIMEOUT)
    process.kill()
    process.join()
    return process.exitcode == 0


def _in_a_process(do: Callable[P, object], *arguments: P.args, **named: P.kwargs) -> None:
    """Do the same. RuntimeError: it failed."""
    if not _ends_well(do, *arguments, **named):
        message = f"{do.__name__} failed, or took longer than {FINALE_TIMEOUT} seconds"
        raise RuntimeError(message)


def _read_with_old(plan: Plan, url: str, ids: list[str]) -> None:
    """Have 0.4.3 replay all, and read some events one by one, into a log as of a worker."""
    log = Log(plan.logs, "old")
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    old = OldProcess(plan.environment)
    try:
        for call, event_id in [("old replay", ""), *(("old get", event_id) for event_id in ids)]:
            number = log.begin(call, {"id": event_id} if event_id else {})
            question = {"call": call[4:].replace("get", "get_event"), "bucket": bucket, "prefix": prefix}
            arguments = {"event_id": event_id} if event_id else {}
            try:
                found = old.ask({**question, "arguments": arguments})
            except OldError as error:
                log.end(number, "notfound" if error.kind == "FlashFloodEventNotFound" else "bug", str(error))
            else:
                log.end(number, "done", shown(*found) if event_id else [shown(*event) for event in found])
    finally:
        old.close()


def _bucket(plan: Plan) -> str:
    """Name the bucket of a round: each has its own, since moto's listings take as long as the bucket has keys."""
    return f"storm-{plan.seed.rpartition('.')[2]}"


def _ids(calls: list[Call]) -> list[str]:
    """Give all ids that were ever to be written."""
    batched = {event_id for call in calls if call.name == "put_many" for event_id, _ in call.arguments["events"]}
    return sorted({call.arguments["id"] for call in calls if "id" in call.arguments} | batched)


def check_old() -> None:
    """RuntimeError if 0.4.3 is not there."""
    if not OLD.is_dir():
        message = f"FlashFlood 0.4.3 is not in {OLD}: `make storm` puts it there"
        raise RuntimeError(message)
