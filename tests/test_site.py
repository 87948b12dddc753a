"""The site has each page, and each link of a page, on GitHub too, leads somewhere. `make docs` builds it, strictly."""

import re
import runpy
from pathlib import Path

import pytest

import flashflood

REPOSITORY = Path(__file__).parents[1]
TOP = sorted(REPOSITORY.glob("*.md"))
PAGES = [*TOP, *sorted((REPOSITORY / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]*)\)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Put the site's pages together, as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    runpy.run_path(str(REPOSITORY / "docs" / "site" / "pages.py"))["write_pages"](folder)
    return folder


def prose(page: Path) -> str:
    """Give a page without its code."""
    return re.sub(r"^ *```.*?^ *```|`[^`\n]+`", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub and the site make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_the_navigation_has_each_page_once_and_no_other(site: Path) -> None:
    nav = (REPOSITORY / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    assert sorted(re.findall(r"[\w./-]+\.md", nav)) == sorted(
        page.relative_to(site).as_posix() for page in site.rglob("*.md")
    )


def test_the_reference_has_each_public_name_once() -> None:
    pages = (REPOSITORY / "docs" / "reference").glob("*.md")
    named = [name for page in pages for name in re.findall(r"^::: flashflood\.(\w+)$", page.read_text(), re.MULTILINE)]
    assert sorted(named) == sorted(set(flashflood.__all__) - {"__version__"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_each_link_of_a_page_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        path = page.parent / target if target else page
        assert path.is_file(), link
        if anchor:
            assert anchor in anchors(path), link


def test_each_link_of_a_page_in_the_site_leads_to_a_page_of_the_site(site: Path) -> None:
    for page in site.rglob("*.md"):
        for link in LINK.findall(prose(page)):
            if "://" not in link:
                assert (page.parent / link.partition("#")[0]).exists(), (page, link)


def test_the_pages_load_nothing_from_other_hosts(site: Path) -> None:
    loads = re.compile(r"""!\[[^\]]*\]\(\w+://|(?:src|srcset)=["']?(?:https?:)?//|@import|url\((?:https?:)?//""")
    for file in (*site.rglob("*.md"), *site.rglob("*.css"), *site.rglob("*.svg")):
        assert not loads.search(file.read_text()), file
