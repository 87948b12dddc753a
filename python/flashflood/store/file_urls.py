"""The path that the path of a `file://` URL stands for.

`urllib.request`, which has that for each system, brings HTTP along, and it cannot be left until a store is opened: a
process may have given up its rights to read Python's own files by then.
"""

import sys

if sys.platform == "win32":
    from urllib.request import url2pathname
else:
    from urllib.parse import unquote as url2pathname

__all__ = ["url2pathname"]
