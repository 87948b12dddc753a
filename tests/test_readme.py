"""What README.md and the pages in docs/ show works as it stands there."""

import logging
import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from conftest import Place

REPOSITORY = Path(__file__).parents[1]
README = REPOSITORY / "README.md"
PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")])


def blocks(page: Path, language: str) -> list[str]:
    """Give the code blocks of a language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def name(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


@pytest.fixture
def levels() -> Iterator[None]:
    """Put the loggers' levels back, which pages set."""
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    before = [(logger, logger.level) for logger in loggers]
    yield
    for logger, level in before:
        logger.setLevel(level)


@pytest.mark.usefixtures("levels")
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:ray",  # Ray's own
    "ignore:PySpark does not yet fully support pandas:FutureWarning",  # Spark's own
)
@pytest.mark.timeout(300)  # Java, Ray and each worker take their time to begin
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=name)
@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_the_python_examples_of_a_page_run_one_after_the_other(
    request: pytest.FixtureRequest, page: Path, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if page.name == "spark.md":
        request.getfixturevalue("java")
    monkeypatch.chdir(tmp_path)
    for variable, value in place.env.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("FLASHFLOOD_STORE", place.url)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    place.client().create_bucket(Bucket="my-bucket")
    names: dict[str, object] = {}
    for number, block in enumerate(blocks(page, "python"), 1):
        exec(compile(block, f"{page.name}, example {number}", "exec"), names)  # noqa: S102 - it is our own text


def test_the_shell_session_gives_what_the_readme_shows(tmp_path: Path) -> None:
    (session,) = blocks(README, "console")
    shown = [step.partition("\n") for step in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]]
    assert len(shown) == 11
    separator = "-- next --"
    script = "\n".join(f"{command}\necho '{separator}'" for command, _, _ in shown)
    scripts = sysconfig.get_path("scripts")
    process = subprocess.run(
        ["bash"],
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"},
        check=False,
        timeout=60,
    )
    printed = process.stdout.split(f"{separator}\n")
    assert list(zip([command for command, _, _ in shown], printed, strict=False)) == [
        (command, result) for command, _, result in shown
    ]


def test_the_readme_opens_with_the_two_commands_of_the_makefile() -> None:
    opening = README.read_text().partition("## ")[0]
    makefile = (REPOSITORY / "Makefile").read_text()
    assert re.findall(r"^make (\w+)", opening, re.MULTILINE) == ["demo", "test"]
    assert {"demo:", "test:"} <= set(re.findall(r"^\w+:", makefile, re.MULTILINE))
