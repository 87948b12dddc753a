"""The lock that a local folder's writers hold while they rename.

flock locks an open file, which is a forked child's too. So a writer unlocks it before it closes it, and a child closes
what it finds open: its parent may be killed before it has unlocked.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_UN, flock
from functools import partial
from threading import get_ident
from weakref import ReferenceType, ref

from flashflood.store.descriptors import Descriptor, opened
from flashflood.store.folders import made_folder
from flashflood.store.names import OWN_FOLDER

_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class _Use:
    """One writer's use of the lock."""

    descriptor: Descriptor | None = None


_last_uses: dict[int, ReferenceType[_Use]] = {}
"""Each thread's last use of a lock: it has one at a time."""


@contextmanager
def locked(root: int) -> Iterator[None]:
    """Keep every other writer of this folder, thread or process, from renaming. A killed writer's lock is free."""
    use = _Use()
    _last_uses[get_ident()] = ref(use)
    with made_folder(root, (OWN_FOLDER,)) as own:
        use.descriptor = opened(partial(os.open, "lock", mode=0o666, dir_fd=own), _LOCK)
    with use.descriptor as lock:
        flock(lock, LOCK_EX)
        try:
            yield
        finally:
            if lock.is_open:  # not in a child that a signal's handler has forked here
                flock(lock, LOCK_UN)


def _leave_to_the_parent() -> None:
    for last_use in _last_uses.values():
        use = last_use()
        if use is not None and use.descriptor is not None:
            use.descriptor.close()


os.register_at_fork(after_in_child=_leave_to_the_parent)
