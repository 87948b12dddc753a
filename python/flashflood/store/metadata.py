"""What a local object has beside its bytes: metadata and tags, in a JSON file under `.flashflood/meta/`, at its path.

The file is renamed to its place before the object's own, so for a moment it is there with the object that is being
written over, or with none. For the first case it has `before`: which file (inode, size, time) is written over, and what
that had. With no object it means nothing, and the next writer of the key removes or replaces it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.store.folders import open_object, opened_folder
from flashflood.store.names import OWN_FOLDER

META = (OWN_FOLDER, "meta")


class State(NamedTuple):
    """Metadata and tags."""

    metadata: Mapping[str, str]
    tags: Mapping[str, str]


NOTHING = State({}, {})


def identity(file: os.stat_result) -> list[int]:
    """Give what tells a file from the one that takes its place: inode, size in bytes, time in nanoseconds."""
    return [file.st_ino, file.st_size, file.st_mtime_ns]


def encode(state: State, before: State = NOTHING, over: os.stat_result | None = None) -> bytes:
    """Give the file's content, for an object that replaces the file `over`, which has the state `before`."""
    content: dict[str, object] = {"metadata": dict(state.metadata), "tags": dict(state.tags)}
    if over is not None:
        content["before"] = {"file": identity(over), "metadata": dict(before.metadata), "tags": dict(before.tags)}
    return json.dumps(content).encode()


def read_state(root: int, names: Sequence[str], file: os.stat_result) -> State:
    """Read the metadata and tags of the object at the path `names`, whose file is `file`.

    FlashFloodCorruptionError: the JSON file is broken.
    """
    with opened_folder(root, (*META, *names[:-1])) as folder:
        descriptor = None if folder is None else open_object(folder, names[-1])
    if descriptor is None:
        return NOTHING
    with descriptor, open(descriptor, "rb", closefd=False) as opened:
        content = opened.read()
    try:
        kept = json.loads(content)
        before = kept.get("before")
        if before is not None and before["file"] == identity(file):
            kept = before
        return State(_texts(kept["metadata"]), _texts(kept["tags"]))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        message = (
            f"{'/'.join((*META, *names))} does not hold an object's metadata: {error!r}. "
            f"Remove it where the object needs none; otherwise take it from a copy."
        )
        raise FlashFloodCorruptionError(message) from error


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        message = "not an object of texts"
        raise TypeError(message)
    return value
