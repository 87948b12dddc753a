"""Finding figures in docs/benchmarks.json, and writing them into Markdown."""

import json
import statistics
from collections.abc import Iterable, Sequence

from measuring import RESULTS, Row

MICRO = 1e6
MILLI = 1e3
MEGA = 1e-6


class Results:
    """The rows of all scripts."""

    def __init__(self) -> None:
        """Read them."""
        parts = json.loads(RESULTS.read_text())
        self.machines: dict[str, dict[str, str]] = {name: part["machine"] for name, part in parts.items()}
        self.rows = [Row(**row) for part in parts.values() for row in part["rows"]]

    def of(self, group: str, **wanted: object) -> list[Row]:
        """Give a table's rows, in order, that have these attributes."""
        return [
            row
            for row in self.rows
            if row.group == group and all(getattr(row, name) == value for name, value in wanted.items())
        ]

    def one(self, group: str, **wanted: object) -> Row:
        """Give the row that has these attributes. `LookupError`: none has, or several have."""
        found = self.of(group, **wanted)
        if len(found) != 1:
            msg = f"{len(found)} rows of {group} with {wanted}: run the benches again, all of them"
            raise LookupError(msg)
        return found[0]

    def cases(self, group: str, **wanted: object) -> list[str]:
        """Give what a table works on, in order."""
        return list(dict.fromkeys(row.case for row in self.of(group, **wanted)))


def above(row: Row, floor: Row) -> float:
    """Give the client CPU above the floor, in µs for one event: the median over rounds in which both ran."""
    rounds = zip(row.runs, floor.runs, strict=False)
    return float(statistics.median(run["cpu"] / row.count - bare["cpu"] / floor.count for run, bare in rounds)) * MICRO


def number(value: float) -> str:
    """Write a number with three digits that count."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2  # noqa: PLR2004  what three digits are
    return f"{value:,.{digits}f}" if abs(value) >= 0.01 or value == 0 else f"{value:.1g}"  # noqa: PLR2004  as above


def times(old: float, new: float) -> str:
    """Write a ratio, old to new; nothing where the new is not above the floor."""
    if new <= 0:
        return ""
    return f"{number(old / new)} times" if old >= new else f"{number(new / old)} times more"


def code(text: str) -> str:
    """Write a JMESPath expression, which may have backticks."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table: the first column to the left, the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
