"""What `stats` gives, as HTML: a part for notebooks, and a whole page. Neither needs the network, nor a script."""

from html import escape
from typing import TYPE_CHECKING

from flashflood import version
from flashflood.stats import words
from flashflood.stats.chart import chart

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flashflood.stats.found import Stats

_OF_THE_PART = """\
.flashflood-stats { font-variant-numeric: tabular-nums; line-height: 1.5; max-width: 60rem; }
.flashflood-stats h2, .flashflood-stats h3, .flashflood-stats caption { font-size: 1rem; font-weight: 600; margin: 0; }
.flashflood-stats h2 { font-size: 1.25rem; overflow-wrap: anywhere; }
.flashflood-stats p { margin: 0 0 1rem; opacity: .75; }
.flashflood-stats dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 0 0 1.5rem; }
.flashflood-stats dt { opacity: .75; }
.flashflood-stats dd { margin: 0; }
.flashflood-stats figure { margin: 0 0 1.5rem; overflow-x: auto; }
.flashflood-stats svg { display: block; width: 100%; min-width: 36rem; height: auto; }
.flashflood-stats rect { fill: var(--flashflood-bar, #3d85c6); }
.flashflood-stats rect:hover { fill-opacity: .7; }
.flashflood-stats line { stroke: currentColor; stroke-opacity: .25; }
.flashflood-stats text { fill: currentColor; font-size: 12px; }
.flashflood-stats .tables { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 1.5rem 3rem; }
.flashflood-stats table { border-collapse: collapse; margin: 0; background: none; }
.flashflood-stats caption { text-align: left; padding-bottom: .25rem; }
.flashflood-stats th, .flashflood-stats td { padding: .15rem 0 .15rem 1.5rem; text-align: right; font-weight: 400; }
.flashflood-stats thead th { opacity: .75; border-bottom: 1px solid; }
.flashflood-stats th:first-child { text-align: left; padding-left: 0; }
.flashflood-stats summary { cursor: pointer; }
"""

_OF_THE_PAGE = """\
:root { color-scheme: light dark; --flashflood-bar: #2b6ca3; color: #1b1f24; background: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --flashflood-bar: #6cb0e8; color: #e3e6ea; background: #16191d; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
"""


def document(stats: "Stats") -> str:
    """Give a whole page."""
    title = f"{escape(stats.store)} - FlashFlood"
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="FlashFlood {version.__version__}">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{_OF_THE_PAGE}</style>
</head>
<body>
<main>
{fragment(stats)}</main>
</body>
</html>
"""


def fragment(stats: "Stats") -> str:
    """Give what stands in a page, with its style; colours are those around it."""
    lines = "".join(f"<dt>{escape(line.label)}</dt><dd>{escape(line.value)}</dd>\n" for line in words.overview(stats))
    return f"""\
<section class="flashflood-stats">
<style>
{_OF_THE_PART}</style>
<h2>{escape(stats.store)}</h2>
<p>Listed on {words.to_the_second(stats.date)} UTC</p>
<dl>
{lines}</dl>
{_figure(stats) if stats.bins else ""}\
<div class="tables">
{_groups("size", words.by_size(stats))}{_groups("age", words.by_age(stats))}</div>
</section>
"""


def _figure(stats: "Stats") -> str:
    labels = words.labels(stats.bins)
    rows = [(label, f"{one.events:,}", f"{one.bytes:,}") for label, one in zip(labels, stats.bins, strict=True)]
    heading = f"Events per {stats.bin_width}"
    return f"""\
<figure>
<figcaption><h3>{escape(heading)}</h3></figcaption>
{chart(heading, labels, [one.events for one in stats.bins])}\
<details>
<summary>These events as a table</summary>
{_table(f"{heading}, about", ("from", "events", "bytes"), rows)}</details>
</figure>
"""


def _groups(what: str, lines: "Sequence[words.GroupLine]") -> str:
    return _table(f"Journals by {what}", (what, "journals", "bytes"), lines) if lines else ""


def _table(caption: str, titles: "Iterable[str]", rows: "Iterable[Sequence[str]]") -> str:
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    body = "".join(
        f'<tr><th scope="row">{escape(label)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>\n'
        for label, *cells in rows
    )
    return f"""\
<table>
<caption>{escape(caption)}</caption>
<thead><tr>{head}</tr></thead>
<tbody>
{body}</tbody>
</table>
"""
