"""Griffe's extension for docstrings: what is said of an argument or an error begins a line, and a paragraph here."""

import re

import griffe

BEGINS = re.compile(r"(?<=[.:])\n(?=`\w+`(?:, `\w+`)*(?::| (?:if|for|also) ))")


class Paragraphs(griffe.Extension):  # type: ignore[misc]  # griffe is not there when mypy runs
    """Part the lines that begin with an argument's or an error's name from those before."""

    def on_object(self, *, obj: griffe.Object, **_kwargs: object) -> None:
        """Take a module, class, function or attribute, once it is read."""
        if obj.docstring:
            obj.docstring.value = BEGINS.sub("\n\n", obj.docstring.value)
