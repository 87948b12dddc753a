"""What 0.4.3 has here, its index, names its successor: the index is this package's own business."""

from typing import TYPE_CHECKING

if not TYPE_CHECKING:
    from flashflood.former import names_of

    __getattr__ = names_of(__name__)
