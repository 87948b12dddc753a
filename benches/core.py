"""Runs the criterion benches of the core, and keeps their medians in docs/benchmarks.json.

python benches/core.py
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from measuring import Row, machine, save
from stores import ROOT

ESTIMATES = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "criterion"


def row(folder: Path) -> Row:
    """Read one bench's median."""
    about = json.loads((folder / "benchmark.json").read_text())
    estimates = json.loads((folder / "estimates.json").read_text())
    count = (about["throughput"] or {}).get("Elements", 1)
    seconds = estimates["median"]["point_estimate"] / 1e9
    side = "ours" if about["function_id"].startswith("ours") else "plain"
    return Row("core", about["group_id"], "", 0, side, about["function_id"], [{"count": count, "wall": seconds}])


def main() -> None:
    """Run, read, keep."""
    shutil.rmtree(ESTIMATES, ignore_errors=True)
    done = subprocess.run(["cargo", "bench", "--locked", "--bench", "core"], cwd=ROOT, check=False)  # noqa: S607  on the PATH
    if done.returncode:
        sys.exit(done.returncode)
    folders = sorted(ESTIMATES.glob("*/*/new"))
    save("core", machine([]), [row(folder) for folder in folders])


if __name__ == "__main__":
    main()
