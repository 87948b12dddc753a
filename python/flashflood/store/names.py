"""How the keys of a local store become paths, and back.

A key's components (what lies between its slashes) are the folders and the file of its path, as they are. Only a
component that no file can bear, or that would be taken for something else, is escaped:

- an empty one, `.`, `..`, `.flashflood`, and one that begins with `~`: with a `~` before it;
- one of more than 200 bytes in UTF-8: cut, between characters, into pieces of at most 200 bytes. Each piece but the
  last is a folder `~-{piece}` inside the one before; the last is the file (or the folder of the next component),
  escaped by the first rule where that applies to it.

So two keys never share a path, and each path is that of one key at most. A name that no key has (not UTF-8, or `~`
before what needs no escape) belongs to no key. A component of 201 to 255 bytes may also lie there uncut, as
`aws s3 sync` leaves it: where it does, it is used as it lies.
"""

from flashflood.exceptions import FlashFloodException

OWN_FOLDER = ".flashflood"
"""Where a local store keeps what is not an object: metadata, temporary files, the lock. No key lies there."""
ESCAPE = "~"
CONTINUES = "~-"
"""Before the name of a folder that holds a piece of a component, of which more follows inside."""
LONGEST_PIECE = 200
"""In bytes of UTF-8; it leaves room for the escape within the 255 bytes that file systems allow."""
LONGEST_NAME = 255
"""In bytes, on the file systems of Linux."""
_TAG_INSIDE_CHARACTER = 0b10
"""The upper two bits of each byte of a character in UTF-8 but its first."""


def split(key: str) -> list[str]:
    """Take a key apart into its components. FlashFloodException: no path can stand for it."""
    if "\0" in key or not _is_utf8(key):
        message = f"{key!r} cannot be a key in a folder: it holds a NUL or a lone surrogate. Use another id."
        raise FlashFloodException(message, key=key)
    return key.split("/")


def escape(component: str) -> tuple[str, ...]:
    """Give the names that stand for a component: one, or a chain of nested ones."""
    if len(component.encode()) <= LONGEST_PIECE:
        return (_escape_short(component),)
    *pieces, last = _cut(component)
    return (*(CONTINUES + piece for piece in pieces), _escape_short(last))


def unescape(names: tuple[str, ...]) -> str | None:
    """Give the component that a chain of names stands for: the inverse of `escape`. None: they stand for none."""
    if len(names) == 1 and _is_plain(names[0]):
        return names[0]
    *pieces, last = names
    component = "".join(name.removeprefix(CONTINUES) for name in pieces) + last.removeprefix(ESCAPE)
    if not _is_utf8(component):
        return None
    uncut = names == (component,) == (_escape_short(component),)
    return component if uncut or names == escape(component) else None


def may_lie_uncut(component: str) -> bool:
    """Whether a file could bear a component that `escape` cuts."""
    size = len(component.encode())
    return LONGEST_PIECE < size <= LONGEST_NAME and component == _escape_short(component)


def _escape_short(component: str) -> str:
    special = component in {"", ".", "..", OWN_FOLDER} or component.startswith(ESCAPE)
    return ESCAPE + component if special else component


def _is_plain(name: str) -> bool:
    """Whether a name stands for itself, as nearly all do; what is not plain may do so too."""
    return name.isascii() and len(name) <= LONGEST_PIECE and _escape_short(name) == name


def _cut(component: str) -> list[str]:
    encoded, pieces, begin = component.encode(), [], 0
    while len(encoded) - begin > LONGEST_PIECE:
        end = begin + LONGEST_PIECE
        while _is_inside_a_character(encoded[end]):
            end -= 1
        pieces.append(encoded[begin:end].decode())
        begin = end
    return [*pieces, encoded[begin:].decode()]


def _is_inside_a_character(byte: int) -> bool:
    return byte >> 6 == _TAG_INSIDE_CHARACTER


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
