"""The command line `flashflood`: the API for people at a terminal and for programs in a pipe.

Reads its arguments, standard input and `FLASHFLOOD_STORE`; writes results to standard output, and messages and
progress to standard error. Only this package prints.
"""

import sys

try:
    from flashflood.cli.main import main
except ImportError:
    import flashflood

    if flashflood.__file__ is not None and hasattr(flashflood, "Rules"):
        raise
    sys.exit(
        "flashflood: this installation lacks files, as where flash-flood 0.4.3, which has files of the same names, was"
        " uninstalled after it. Run: pip uninstall flash-flood; pip install --force-reinstall --no-deps flashflood-rs"
    )

__all__ = ["main"]
