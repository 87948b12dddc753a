"""Griffe's extension for docstrings: what is said of an argument or an error begins a line, and a paragraph here.

Beneath each one stands its example, from docs/reference/examples*.md.
"""

import re
from operator import attrgetter
from pathlib import Path

import griffe

import flashflood

BEGINS = re.compile(r"(?<=[.:])\n(?=`\w+`(?:, `\w+`)*(?::| (?:if|for|also) ))")
PAGES = sorted(Path(__file__).parents[1].glob("reference/examples*.md"))
EXAMPLE = re.compile(r"^## (\S+)\n\n(```python\n.*?^```)$", re.DOTALL | re.MULTILINE)


def path_of(name: str) -> str:
    """Give the path of what an example is of: where it is defined, as griffe names it."""
    if name.startswith(("dask.", "ray.", "spark.")):
        return f"flashflood.{name}"
    found = attrgetter(name)(flashflood)
    return f"{found.__module__}.{found.__qualname__}"


EXAMPLES = {path_of(name): example for page in PAGES for name, example in EXAMPLE.findall(page.read_text())}


class Paragraphs(griffe.Extension):  # type: ignore[misc]  # griffe is not there when mypy runs
    """Part the lines that begin with an argument's or an error's name from those before, and add the example."""

    def on_object(self, *, obj: griffe.Object, **_kwargs: object) -> None:
        """Take a module, class, function or attribute, once it is read."""
        if obj.docstring:
            obj.docstring.value = BEGINS.sub("\n\n", obj.docstring.value)
            if obj.path in EXAMPLES:
                obj.docstring.value += f"\n\n{EXAMPLES[obj.path]}"
