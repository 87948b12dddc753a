"""The examples of the reference, and running one."""

import io
import re
import tokenize
from contextlib import chdir, redirect_stdout
from pathlib import Path

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGES = ("examples.md", "examples-of-values.md", "examples-of-engines.md")
EXAMPLE = re.compile(r"^## (\S+)\n\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXAMPLES = dict(found for page in PAGES for found in EXAMPLE.findall((REFERENCE / page).read_text()))
BEFORE = re.findall(r"^```python\n(.*?)^```$", (REFERENCE / PAGES[0]).read_text(), re.DOTALL | re.MULTILINE)[0]
"""What each one goes on from."""


def prints_what_it_shows(name: str, folder: Path) -> None:
    """Run an example in an empty folder, and compare what it prints with its comments."""
    code = EXAMPLES[name]
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    shown = [token.string.removeprefix("# ") for token in tokens if token.type == tokenize.COMMENT]
    assert shown
    printed = io.StringIO()
    with chdir(folder), redirect_stdout(printed):
        exec(compile(BEFORE + code, name, "exec"), {})  # noqa: S102 - it is our own text
    assert printed.getvalue().splitlines() == shown
