"""Try what was built as a stranger would: in an empty environment, without Rust and without this repository.

`python release/try_install.py build/dist` installs the one wheel there that is for this Python; `--sdist` the source
distribution, for which Rust stays within reach. Then `flashflood --version` and `flashflood demo` are run from it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

LICENCES = """
from importlib.metadata import files
held = {file.name for file in files("flashflood-rs") if "licenses" in file.parts}
assert held == {"LICENSE", "NOTICES.md"}, held
"""


def chosen(folder: Path, *, sdist: bool) -> Path:
    """Give the only file that is to be tried."""
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    pattern = "*.tar.gz" if sdist else f"*-{tag}-{tag}-*.whl"
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        msg = f"{folder} has {len(found)} files {pattern}, and should have one: {[path.name for path in found]}"
        raise SystemExit(msg)
    return found[0].resolve()


def environment(*, rust: bool) -> dict[str, str]:
    """Give this process's environment without what leads to the repository, and without Rust unless it is wanted."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FLASHFLOOD"))}
    if not rust:
        folders = env["PATH"].split(os.pathsep)
        env["PATH"] = os.pathsep.join(folder for folder in folders if not _has_rust(folder))
    return env


def try_install(distribution: Path, *, rust: bool) -> None:
    """Install it into an environment of its own, and let it walk through the package."""
    env = environment(rust=rust)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=True)
        programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        python = str(programs / "python")
        for command in (
            [python, "-m", "pip", "install", "--quiet", str(distribution)],
            [python, "-c", LICENCES],
            [str(programs / "flashflood"), "--version"],
            [str(programs / "flashflood"), "demo"],
        ):
            subprocess.run(command, cwd=folder, env=env, check=True)
    print(f"{distribution.name}, {distribution.stat().st_size:,} bytes: installed and tried")


def _has_rust(folder: str) -> bool:
    return any(shutil.which(program, path=folder) for program in ("cargo", "rustc"))


if __name__ == "__main__":
    sdist = sys.argv[2:] == ["--sdist"]
    try_install(chosen(Path(sys.argv[1]), sdist=sdist), rust=sdist)
