"""The command line `flashflood`: the API for people at a terminal and for programs in a pipe.

Reads its arguments, standard input and `FLASHFLOOD_STORE`; writes results to standard output, and messages and
progress to standard error. Only this package prints.
"""

from flashflood.cli.main import main

__all__ = ["main"]
