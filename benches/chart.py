"""Bar charts as SVG, readable on light and dark pages."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH = 860
LABELS = 330
"""Pixels for the bars' names."""
VALUES = 90
BAR = 18
GAP = 6
PANEL_GAP = 28
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 14px }
.ours { fill: #1a7f37 } .old { fill: #cf222e } .floor { fill: #8c959f } .peer { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .ours { fill: #3fb950 } .old { fill: #f85149 } .floor { fill: #6e7681 } .peer { fill: #58a6ff }
}
"""


class Bar(NamedTuple):
    """One bar."""

    label: str
    value: float
    kind: str
    """`ours`, `old`, `floor` or `peer`: its colour."""


class Panel(NamedTuple):
    """Bars of one scale, which begins at zero."""

    title: str
    bars: Sequence[Bar]

    @property
    def height(self) -> int:
        """Give its height in pixels."""
        return (BAR + GAP) * (len(self.bars) + 1) + PANEL_GAP


def svg(title: str, panels: Sequence[Panel]) -> str:
    """Draw panels one below the other."""
    height = sum(panel.height for panel in panels)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
    ]
    top = 0
    for panel in panels:
        lines += _panel(panel, top)
        top += panel.height
    return "\n".join([*lines, "</svg>\n"])


def _panel(panel: Panel, top: int) -> Iterator[str]:
    largest = max(bar.value for bar in panel.bars)
    yield f'<text class="title" x="0" y="{top + BAR - 3}">{escape(panel.title)}</text>'
    for place, bar in enumerate(panel.bars, start=1):
        y = top + place * (BAR + GAP)
        length = max(1, round(bar.value / largest * (WIDTH - LABELS - VALUES)))
        yield f'<text x="{LABELS - 8}" y="{y + BAR - 4}" text-anchor="end">{escape(bar.label)}</text>'
        yield f'<rect class="{bar.kind}" x="{LABELS}" y="{y}" width="{length}" height="{BAR}" rx="2"/>'
        yield f'<text x="{LABELS + length + 6}" y="{y + BAR - 4}">{number(bar.value)}</text>'


def number(value: float) -> str:
    """Write a number with three digits that count."""
    if value == 0:
        return "0"
    if value >= 100:  # noqa: PLR2004  three digits
        return f"{value:,.0f}"
    return f"{value:.{2 if value < 1 else 1 if value >= 10 else 2}f}" if value >= 0.01 else f"{value:.2g}"  # noqa: PLR2004
