"""What `stats` gives as HTML: whole, safe, without a network, and seen in a browser, in light and in dark."""

import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.image import imread
from support.samples import at
from support.watched import Counted, on

from flashflood import FlashFlood, Stats
from flashflood.stats.chart import chart
from flashflood.stats.page import document
from flashflood.store import open_store

HOSTILE = "<img src=x onerror=alert(1)> & \"quoted\" 'name'"
VOID = {"meta"}
LIGHT, DARK = 1, 0
"""Chromium's numbers for what a user prefers."""


class Elements(HTMLParser):
    """Counts the elements, holds that each is closed, and keeps the attributes' names and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes.update(name for name, _ in attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def found(tmp_path: Path) -> Stats:
    """Give what is in a store with a hostile name: 300 events in 30 minutes."""
    ff = FlashFlood.open(tmp_path / HOSTILE)
    ff.put_many((b"x", f"{number}", at(number / 10)) for number in range(300))
    return ff.stats()


@pytest.mark.parametrize("whole", [True, False])
def test_it_is_whole_and_needs_neither_network_nor_script(found: Stats, whole: bool) -> None:  # noqa: FBT001
    html = document(found) if whole else found._repr_html_()
    elements = Elements(html)
    assert elements.tags["html"] == elements.tags["main"] == int(whole)
    assert elements.tags["rect"] == len(found.bins) == 30
    assert not {"script", "link", "img", "iframe", "object"} & elements.tags.keys()
    assert not {name for name in elements.attributes if name.startswith("on") or name in ("src", "href")}
    assert not any(text in html for text in ("url(", "@import", "http:", "https:"))


def test_a_name_is_shown_and_does_nothing(found: Stats) -> None:
    assert HOSTILE in found.store
    assert found.store in Elements(document(found)).text
    assert "<img" not in document(found)


def test_whoever_does_not_see_it_gets_words_and_a_table(found: Stats) -> None:
    html = document(found)
    assert 'role="img" aria-label="Events per minute, from 2020-01-01 00:00 to 2020-01-01 00:29; the most, ' in html
    assert '<html lang="en">' in html
    table = html.partition("<details>")[2].partition("</details>")[0]
    assert table.count('<th scope="row">') == 30
    assert table.count('<th scope="col">') == 3


def test_nothing_is_drawn_of_an_empty_store() -> None:
    html = document(FlashFlood.open("memory://").stats())
    assert Elements(html).tags["svg"] == 0
    assert "<dt>events</dt><dd>0</dd>" in html


@pytest.mark.parametrize(
    ("counts", "lines"),
    [([0, 0], ["0", "1"]), ([1], ["0", "1"]), ([3, 30_000], ["0", "10k", "20k", "30k"]), ([7_000_001], ["0", "2M"])],
)
def test_lines_across_a_chart_have_round_numbers(counts: list[int], lines: list[str]) -> None:
    svg = chart("events", ["2020"] * len(counts), counts)
    found = [part.partition(">")[2].partition("<")[0] for part in svg.split('<text x="56"')[1:]]
    assert found[: len(lines)] == lines


def test_a_notebook_names_a_store_without_a_request(tmp_path: Path) -> None:
    store = Counted(open_store(tmp_path / HOSTILE))
    html = on(store)._repr_html_()
    assert store.requests == []
    assert HOSTILE in Elements(html).text
    assert "<img" not in html


def seen(chromium: list[str], page: Path, scheme: int) -> tuple[str, Counter[int]]:
    """Look at a page in a browser; give what it makes of it, and how many pixels have each colour."""
    picture = page.with_suffix(".png")
    look = [f"--screenshot={picture}", "--dump-dom", "--window-size=700,900"]
    command = [*chromium, *look, f"--blink-settings=preferredColorScheme={scheme}", page.as_uri()]
    process = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    red, green, blue = (imread(picture) * 255).round().astype(int).reshape(-1, 4).T[:3]
    return process.stdout, Counter((red << 16 | green << 8 | blue).tolist())


def test_a_browser_shows_the_page_in_light_and_in_dark(found: Stats, tmp_path: Path, chromium: list[str]) -> None:
    page = tmp_path / "page.html"
    page.write_text(document(found))
    for scheme, paper, bars, ink in ((LIGHT, 0xFFFFFF, 0x2B6CA3, 0x1B1F24), (DARK, 0x16191D, 0x6CB0E8, 0xE3E6EA)):
        html, colours = seen(chromium, page, scheme)
        elements = Elements(html)
        assert elements.tags["rect"] == 30
        assert found.store in elements.text
        assert colours.most_common(1)[0][0] == paper
        assert colours[bars] > 10_000  # thirty bars, nearly as high as the highest
        assert colours[ink] > 100
