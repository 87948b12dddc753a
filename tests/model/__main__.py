"""Run the model check from the command line; README.md says how."""

from __future__ import annotations

import sys
import time

from .calls import Safeguard
from .checker import Violation, explore
from .configurations import BESIDE_043, LARGE, SMALL
from .random_runs import random_runs
from .world import Configuration, World

USAGE = """usage: python -m tests.model small|all|old|first [NAME ...]
       python -m tests.model random SECONDS SEED [SAFEGUARD ...]
       python -m tests.model without SAFEGUARD [NAME ...]"""
MOST_STATES = 3_000_000
MOST_STATES_WITHOUT = 500_000
EVERY_SAFEGUARD = frozenset(Safeguard)
OURS = {**SMALL, **LARGE}
SETS = {"small": SMALL, "old": BESIDE_043, "all": {**OURS, **BESIDE_043}}
FIRST_VERSION = frozenset({Safeguard.LOOK_BEHIND, Safeguard.LEDGER_AT_START})


def main(arguments: list[str]) -> int:
    """Run what `arguments` ask for; return 0 if nothing broke, 1 if something did, 2 if they cannot be understood."""
    match arguments:
        case ["small" | "old" | "all" as which, *names]:
            return _check(SETS[which], EVERY_SAFEGUARD, names)
        case ["first", *names]:
            return _check(OURS, FIRST_VERSION, names, MOST_STATES_WITHOUT)
        case ["without", safeguard, *names]:
            return _check(OURS, EVERY_SAFEGUARD - {Safeguard(safeguard)}, names, MOST_STATES_WITHOUT)
        case ["random", seconds, seed, *without]:
            return _sample(float(seconds), int(seed), EVERY_SAFEGUARD - {Safeguard(one) for one in without})
    _print(USAGE)
    return 2


def _check(
    configurations: dict[str, Configuration],
    safeguards: frozenset[Safeguard],
    names: list[str],
    most_states: int = MOST_STATES,
) -> int:
    broken = False
    for name in names or configurations:
        started = time.monotonic()
        found = explore(World(configurations[name], safeguards), most_states)
        broken = broken or bool(found.violations)
        verdict = "BROKEN" if found.violations else "holds" if found.complete else "holds so far, NOT COMPLETE"
        seconds = time.monotonic() - started
        _print(f"{name}: {found.states} states, {found.ends} ends, {seconds:.1f} s: {verdict}")
        for violation in found.violations.values():
            _show(violation)
    return int(broken)


def _sample(seconds: float, seed: int, safeguards: frozenset[Safeguard]) -> int:
    runs = broken = 0
    for configuration, violation in random_runs(seconds, seed, safeguards):
        runs += 1
        if violation is not None:
            broken += 1
            _print(str(configuration))
            _show(violation)
    _print(f"{runs} runs, {broken} broken")
    return int(broken > 0)


def _show(violation: Violation) -> None:
    _print(f"  {violation.message}")
    for step in violation.steps:
        _print(f"    {step}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
