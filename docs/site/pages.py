"""Puts the pages of the site together in build/pages: those in docs/, README and its siblings, notebooks and commands.

On GitHub each page is read where it lies; here its links are turned to where the site has what they lead to.
"""

import json
import posixpath
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from flashflood.cli.commands import flashflood

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PAGES = REPOSITORY / "build" / "pages"
ELSEWHERE = {path.name: path.name.lower() for path in REPOSITORY.glob("*.md")} | {"README.md": "index.md"}
"""Pages outside docs/, and what they are called in the site."""
COMMANDS = "reference/commands.md"
"""The page that gets the help of all commands."""
ON_GITHUB = re.compile(r"^On GitHub this page is empty.*\n\n?", re.MULTILINE)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]+)(#[^)]*)?\)")


def write_pages(folder: Path) -> None:
    """Write all pages into a folder, in place of what it holds."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder, ignore=shutil.ignore_patterns("*.md", "*.py", "*.json", "__pycache__"))
    for path in (*sorted(DOCS.rglob("*.md")), *(REPOSITORY / name for name in ELSEWHERE)):
        _write(folder, path.relative_to(REPOSITORY).as_posix(), path.read_text())
    with (folder / COMMANDS).open("a") as page:
        page.writelines(_help_of(flashflood, click.Context(flashflood, info_name="flashflood")))
    for path in sorted(DOCS.rglob("*.ipynb")):
        _write(folder, path.relative_to(REPOSITORY).as_posix(), _of_notebook(path))


def _write(folder: Path, here: str, text: str) -> None:
    """Write the page that a file of the repository is, with its links turned."""
    there = _in_site(here) or here

    def turned(link: re.Match[str]) -> str:
        picture, label, target, anchor = link.groups(default="")
        if "://" in target:
            return link[0]
        at = _in_site(posixpath.normpath(posixpath.join(posixpath.dirname(here), target)))
        if at is None:
            return str(label)  # the site does not have it: a README of the tests, say
        return f"{picture}[{label}]({posixpath.relpath(at, posixpath.dirname(there) or '.')}{anchor})"

    path = folder / there
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(LINK.sub(turned, ON_GITHUB.sub("", text)))


def _in_site(path: str) -> str | None:
    """Give where the site has a file of the repository; None if it does not have it."""
    if path.startswith("docs/"):
        return re.sub(r"\.ipynb$", ".md", path.removeprefix("docs/"))
    return ELSEWHERE.get(path)


def _of_notebook(path: Path) -> str:
    """Give a notebook as a page: its texts, its code, and what this gave."""
    parts: list[str] = []
    for cell in json.loads(path.read_text())["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
        parts += map(_shown, cell.get("outputs", []))
    title, *rest = parts
    load = f'<a href="{path.name}" download>Download this notebook</a>'
    return "\n\n".join((title, load, *rest))


def _help_of(command: click.Command, ctx: click.Context) -> Iterator[str]:
    """Yield what a command says of itself, and then those below it."""
    yield f"\n## {ctx.command_path}\n\n```text\n{command.get_help(ctx)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            if below := command.get_command(ctx, name):
                yield from _help_of(below, click.Context(below, parent=ctx, info_name=name))


def _shown(output: dict[str, Any]) -> str:
    """Give what a cell gave: a picture, or a text."""
    data = output.get("data", {"text/plain": output.get("text", "")})
    if "image/png" in data:
        return f'<img alt="What the cell above plots" src="data:image/png;base64,{"".join(data["image/png"]).strip()}">'
    return f"```text\n{''.join(data['text/plain']).rstrip()}\n```"


if __name__ == "__main__":
    write_pages(PAGES)
