"""`Event`, for existing imports; `flashflood` is its public place. What else 0.4.3 has here names its successor."""

from typing import TYPE_CHECKING

from flashflood.events import Event

if not TYPE_CHECKING:
    from flashflood.former import names_of

    __getattr__ = names_of(__name__)

__all__ = ["Event"]
