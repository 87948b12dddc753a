"""A histogram as SVG."""

from collections.abc import Iterator, Sequence
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 64, 8, 12, 24
"""Margins: left for numbers, beneath for dates."""
GAP = 0.15
"""Of a bar's room, what stays empty."""
CHARACTER = 8
"""Width of a character of a date, about; and as much again between two dates."""
STEPS = 4
"""Lines across, at most."""


def chart(heading: str, labels: Sequence[str], counts: Sequence[int]) -> str:
    """Draw a bar for each count, which its tooltip tells, with some of the labels beneath."""
    step = _round_step(max(counts) / STEPS)
    top = step * max(1, ceil(max(counts) / step))
    most = labels[counts.index(max(counts))]
    told = f"{heading}, from {labels[0]} to {labels[-1]}; the most, {max(counts):,}, from {most} on."
    return f"""\
<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(told)}">
{"".join(_lines(step, top))}{"".join(_bars(labels, counts, top))}{"".join(_dates(labels))}</svg>
"""


def _round_step(least: float) -> int:
    """Give the least of 1, 2, 5, 10, 20… that is not below a number."""
    power = int(10 ** floor(log10(max(least, 1))))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least)


def _lines(step: int, top: int) -> Iterator[str]:
    for count in range(0, top + 1, step):
        y = _height(count, top)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_short(count)}</text>\n'


def _short(count: int) -> str:
    """Write a round number in few characters."""
    for power, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= power:
            return f"{count / power:g}{letter}"
    return str(count)


def _bars(labels: Sequence[str], counts: Sequence[int], top: int) -> Iterator[str]:
    room = _room(labels)
    for number, (label, count) in enumerate(zip(labels, counts, strict=True)):
        x, y = LEFT + (number + GAP / 2) * room, _height(count, top)
        size = f'width="{room * (1 - GAP):.1f}" height="{_height(0, top) - y:.1f}"'
        title = f"{label}: {count:,}"
        yield f'<rect x="{x:.1f}" y="{y:.1f}" {size}><title>{escape(title)}</title></rect>\n'


def _dates(labels: Sequence[str]) -> Iterator[str]:
    """Write every label, or every second, third… of them, so that none touches another."""
    room = _room(labels)
    every = ceil((len(labels[0]) + 1) * CHARACTER / room)
    for number in range(0, len(labels), every):
        x = LEFT + (number + GAP / 2) * room
        if x + len(labels[0]) * CHARACTER <= WIDTH or not number:
            yield f'<text x="{x:.1f}" y="{HEIGHT - 6}">{escape(labels[number])}</text>\n'


def _room(labels: Sequence[str]) -> float:
    return (WIDTH - LEFT - RIGHT) / len(labels)


def _height(count: int, top: int) -> float:
    """Give where a count's line lies."""
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * count / top
