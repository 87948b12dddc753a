"""What a forked child does about the connections that its parent has open.

A client keeps them for its next requests, and a child inherits them. If both used one, each could
read the answer to the other's request: another object than it asked for.
"""

from typing import Any

_left: list[object] = []
"""What is left alone until the process ends: urllib3 would close it by a lock that another thread of the parent may
have held."""


def leave_connections(client: Any) -> None:  # noqa: ANN401  no type has what it takes
    """Let a boto3 client open connections of its own, and leave those that it has to the parent."""
    try:
        session = client._endpoint.http_session  # noqa: SLF001  botocore has no public way to it
        managers = [session._manager, *session._proxy_managers.values()]  # noqa: SLF001
        inherited = [manager.pools for manager in managers]
    except AttributeError:  # another botocore
        client.close()
        return
    _left.extend(inherited)
    for manager, pools in zip(managers, inherited, strict=True):
        manager.pools = type(pools)()
