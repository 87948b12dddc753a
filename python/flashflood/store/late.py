"""What takes long to import, and is imported where the first work needs it: boto3 for S3 above all."""

import os
import threading

importing = threading.RLock()
"""Held meanwhile. A fork waits for it: a child could never import what another thread of its parent was importing,
since Python's lock on that module stays held there."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=importing.acquire, after_in_parent=importing.release, after_in_child=importing.release)


def import_boto3() -> None:
    """Import what a store on S3 needs, before any of it is imported by name. Any thread may call this."""
    with importing:
        import boto3  # noqa: F401, PLC0415  see above

        import flashflood.store.s3  # noqa: F401, PLC0415  as above
