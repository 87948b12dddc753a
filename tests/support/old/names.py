# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, SLF001 - here `flashflood` is 0.4.3, which has neither types nor a public way
"""Runs in a process of its own, where `import flashflood` gives FlashFlood 0.4.3: lists its public names as JSON.

Each module, and what it has of flashflood's own: classes with their public members, functions, constants. A name comes
with the parameters that it takes, or null where it takes none: `{"flashflood.util.delete_keys": ["bucket", …], …}`.
"""

import importlib
import inspect
import json
import pkgutil
import sys
from string import hexdigits
from unittest.mock import MagicMock

import flashflood


def parameters(value):
    """Give the names of a callable's parameters; None for what cannot be called."""
    if not inspect.isroutine(value) and not inspect.isclass(value):
        return None
    try:
        found = inspect.signature(value).parameters
    except ValueError:
        return []
    return [name for name in found if name not in {"self", "cls", "args", "kwargs"}]


def is_own(value):
    """Say whether a module's attribute is flashflood's own, or a constant."""
    if inspect.ismodule(value):
        return value.__name__.startswith("flashflood.")
    home = getattr(value, "__module__", None)
    is_constant = isinstance(value, (str, dict)) and value is not hexdigits
    return is_constant or (home or "").partition(".")[0] == "flashflood"


def members(kind):
    """Give a class's public members: those that it or its bases in flashflood define, and annotated fields."""
    own = [base for base in kind.__mro__ if base.__module__.partition(".")[0] == "flashflood"]
    return {name for base in own for name in [*vars(base), *vars(base).get("__annotations__", {})] if name[0] != "_"}


def attributes():
    """Give the public attributes of objects: those that only `__init__` sets."""
    flood = flashflood.FlashFlood(MagicMock(), "bucket", "prefix")
    journal = flood._Journal()
    return {"flashflood.FlashFlood": vars(flood), "flashflood.objects.BaseJournal": vars(journal)}


def main():
    found = {}
    modules = [
        flashflood,
        *(importlib.import_module(f"flashflood.{item.name}") for item in pkgutil.iter_modules(flashflood.__path__)),
    ]
    for module in modules:
        found[module.__name__] = None
        for name, value in vars(module).items():
            if name == "__version__" or (name[0] != "_" and is_own(value)):
                where = f"{module.__name__}.{name}"
                found[where] = parameters(value)
                if inspect.isclass(value) and value.__module__ == module.__name__:
                    found.update({f"{where}.{item}": parameters(getattr(value, item, None)) for item in members(value)})
    for where, names in attributes().items():
        found.update({f"{where}.{name}": None for name in names if name[0] != "_"})
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
