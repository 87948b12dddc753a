"""Objects read from one store as they are to lie in another one: whole, or piece by piece where they are large."""

from collections.abc import Iterator, Mapping
from itertools import chain, zip_longest
from typing import NamedTuple

from flashflood import layout
from flashflood._core import Manifest
from flashflood.context import Context, manifest_metadata
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import TOMBSTONE_SUFFIX

SMALL = 1 << 20
"""Bytes of the largest object that is read at once; manifests are read at once whatever their size."""
PIECE = 8 << 20
"""Bytes of a larger one that are in memory at a time."""


class VanishedError(Exception):
    """An object has gone while it was read."""


class Content(NamedTuple):
    """An object's metadata and its bytes."""

    metadata: Mapping[str, str]
    pieces: Iterator[bytes]

    def is_same(self, other: "Content") -> bool:
        """Compare with another one."""
        return self.metadata == other.metadata and all(
            one == another for one, another in zip_longest(self.pieces, other.pieces)
        )


def read(ctx: Context, key: str, size: int) -> Content | None:
    """Read an object that was listed with this size. None: it has gone."""
    if size == 0:
        found = ctx.store.head(key)
    elif size <= SMALL or key.startswith(layout.JOURNALS):
        found = ctx.store.get(key)
    else:
        found = ctx.store.get(key, 0, PIECE)
        if found is not None:
            return Content(found.metadata, chain([found.body], _rest(ctx, key, size)))
    return None if found is None else Content(found.metadata, iter([found.body]))


def _rest(ctx: Context, key: str, size: int) -> Iterator[bytes]:
    for start in range(PIECE, size, PIECE):
        found = ctx.store.get(key, start, min(start + PIECE, size))
        if found is None:
            raise VanishedError
        yield found.body


def is_bare(key: str, content: Content) -> bool:
    """Say whether an index entry has lost its metadata, as tools that copy only the data leave it: it says nothing."""
    return layout.parse_index_key(key) is not None and key.startswith(layout.INDEX) and "target" not in content.metadata


def completed(key: str, content: Content) -> Content:
    """Give an object with its metadata, where such a tool has left them out and they can be counted: a manifest's.

    Nobody reads those of a blob.
    """
    is_manifest = key.startswith(layout.JOURNALS) and not key.endswith(TOMBSTONE_SUFFIX)
    if not is_manifest or "number_of_events" in content.metadata:
        return content
    body = b"".join(content.pieces)
    whole = Content(content.metadata, iter([body]))
    try:
        manifest = Manifest.decode(layout.parse_journal_key(key), body)
    except FlashFloodCorruptionError:  # it is copied as it is, and `check` names it
        return whole
    return whole._replace(metadata={**content.metadata, **manifest_metadata(manifest)})
