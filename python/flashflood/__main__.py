"""`python -m flashflood`: the command line, for where the command itself is not on the PATH."""

import sys

from flashflood.cli import main

sys.exit(main())
