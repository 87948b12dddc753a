"""Real processes at work on one store, killed, stopped and misled at random, and what they saw held to SEMANTICS.md.

`README.md` here says what runs, and how to read a report.
"""

import sys
from pathlib import Path

# The tests' folder is no package: `servers` and `old` are found in it, as pytest finds them.
sys.path.insert(0, str(Path(__file__).parents[1]))
