"""The package's version, where 0.4.3 has it."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("flashflood-rs")
