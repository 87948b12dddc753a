"""What the pages for those who work on the code name is there: files, and tests."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "python" / "flashflood"
PAGES = sorted([REPOSITORY / "ARCHITECTURE.md", REPOSITORY / "CONTRIBUTING.md", *REPOSITORY.glob("docs/design/*.md")])
IN_BACKQUOTES = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
A_PATH = re.compile(r"\.?\w[\w./-]*(?:\.(?:rs|py|pyi|md|toml|lock|txt|json|jsonc|yaml|sh)|/)")
A_TEST = re.compile(r"test_\w+")
ROOMS = ("src/", "python/", "tests/", "docs/", "fuzz/", "benches/")
MADE = ("build/", "target/", "dist/")
"""What is no part of the repository."""


def name(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def named(page: Path, shape: re.Pattern[str]) -> list[str]:
    """Give what a page has in backquotes, outside blocks, of a shape."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return [one for one in IN_BACKQUOTES.findall(text) if shape.fullmatch(one)]


def paths(page: Path) -> list[str]:
    """Give the files, and the folders of the repository or of the package, that a page names.

    A folder of a store, such as `journals/`, has no file name, and begins with none of the rooms.
    """
    found = [path for path in named(page, A_PATH) if not path.startswith(MADE)]
    rooms = (*ROOMS, *(f"{room.name}/" for room in PACKAGE.iterdir() if room.is_dir()))
    return [path for path in found if not path.endswith("/") or path.startswith(rooms)]


def is_there(path: str) -> bool:
    return any((root / path).exists() for root in (REPOSITORY, PACKAGE, REPOSITORY / "tests"))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    assert [path for path in paths(page) if not is_there(path)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    tests = "\n".join(file.read_text() for file in REPOSITORY.glob("tests/**/*.py"))
    assert [test for test in named(page, A_TEST) if f"def {test}(" not in tests] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", page.read_text()):
        if "://" not in target:
            file = page.parent / target if target else page
            assert file.is_file(), target
            assert not heading or heading in anchors(file), f"{target}#{heading}"


def anchors(page: Path) -> set[str]:
    """Give the names that links have for a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_pages_name_paths_and_tests() -> None:
    assert len(paths(REPOSITORY / "ARCHITECTURE.md")) > 50
    assert sum(len(named(page, A_TEST)) for page in PAGES) > 2
