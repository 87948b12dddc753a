"""The package's version, where 0.4.3 has it."""

from typing import TYPE_CHECKING

__all__ = ["__version__"]

if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name: str) -> str:
        """Read it where it is asked for: the distribution's metadata take long."""
        if name != "__version__":
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        from importlib.metadata import version  # noqa: PLC0415  as above

        globals()[name] = version("flashflood-rs")
        return globals()[name]
