"""Run a storm from the command line; README.md says how."""

import argparse
import secrets
import sys
from pathlib import Path

from .places import can_run
from .plan import COURSES, Course
from .report import Figures, say
from .run import check_old, run_course

FOLDER = Path("build/storm")


def main() -> int:
    """Run what the arguments ask for; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="in all, for all courses together (30)")
    parser.add_argument("--seed", type=int, help="for the choice of calls and faults")
    parser.add_argument("--store", choices=("folder", "sqlite", "moto", "rgw"), help="only this one")
    parser.add_argument("--proxy", choices=("none", "faults", "one-writer"), help="only with this between")
    parser.add_argument("--pages", type=int, help="keys on a page of a listing (7 and 1000 in turn)")
    given = parser.parse_args()
    seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    check_old()
    chosen = [course for course in COURSES if _is_wanted(course, given.store, given.proxy)]
    courses = [course for course in chosen if can_run(course)]
    for course in chosen:
        if course not in courses:
            say(f"{course} is left out: install radosgw, ceph-mon and ceph-osd")
    if given.pages:
        courses = [Course(one.store, one.faults, one.conditional, (given.pages,)) for one in courses]
    say(f"seed {seed}: {', '.join(map(str, courses))}")
    total = Figures()
    for course in courses:
        total.add(run_course(course, given.minutes * 60 / len(courses), seed, FOLDER))
    total.tell("all")
    return min(1, total.violations)


def _is_wanted(course: Course, store: str | None, proxy: str | None) -> bool:
    kind = "none" if course.is_direct else "faults" if course.conditional else "one-writer"
    return store in (None, course.store) and proxy in (None, kind)


if __name__ == "__main__":
    sys.exit(main())
