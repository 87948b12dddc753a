"""NOTICES.md: the licences of the crates that a wheel holds, as their authors' files have them.

`python release/notices.py` writes it, with cargo and the crates of Cargo.lock. `--check` says whether it is what would
be written; `make lint` does so, and a change of Cargo.lock brings its licences along.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
NOTICES = REPOSITORY / "NOTICES.md"
TARGETS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)
"""What wheels are built for: release.yml."""
STANDARD_LIBRARY = "Rust's standard library (MIT OR Apache-2.0)"
COPYRIGHT_OF_RUST = """\
Copyright (c) The Rust Project Developers (see https://thanks.rust-lang.org)

What it holds of others is named in share/doc/rust/COPYRIGHT-library.html of every distribution of Rust."""
MIT = re.compile(r"permission is hereby granted, free of charge", re.IGNORECASE)
LICENCE = re.compile(r"(licen[cs]e|copying|unlicense)", re.IGNORECASE)
NOTICE = re.compile(r"notice", re.IGNORECASE)
INTRODUCTION = """\
# Notices

A wheel of this package holds the machine code of these crates, and of Rust's standard library. Where there is a choice
of licences, MIT is taken. `python release/notices.py` writes this file, and `make lint` checks it.
"""


def metadata() -> dict[str, Any]:
    """Give what cargo says of the locked crates for all targets; it fetches those that are not here yet."""
    filters = [argument for target in TARGETS for argument in ("--filter-platform", target)]
    command = ["cargo", "metadata", "--format-version", "1", "--locked", *filters]
    said: dict[str, Any] = json.loads(subprocess.check_output(command, cwd=REPOSITORY))
    return said


def linked(said: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the crates whose code comes into the core, by name: no macros, and nothing that only builds or tests it."""
    packages = {package["id"]: package for package in said["packages"]}
    needs = {node["id"]: node["deps"] for node in said["resolve"]["nodes"]}
    found: set[str] = set()
    waiting = [said["resolve"]["root"]]
    while waiting:
        crate = waiting.pop()
        if crate in found or any("proc-macro" in target["kind"] for target in packages[crate]["targets"]):
            continue
        found.add(crate)
        waiting += [need["pkg"] for need in needs[crate] if any(kind["kind"] is None for kind in need["dep_kinds"])]
    found.remove(said["resolve"]["root"])
    return sorted((packages[crate] for crate in found), key=lambda package: (package["name"], package["version"]))


def texts(package: dict[str, Any]) -> list[str]:
    """Give the texts of a crate's licence, and of its notices."""
    files = sorted(path for path in Path(package["manifest_path"]).parent.iterdir() if path.is_file())
    licences = [_text(path) for path in files if LICENCE.search(path.name)]
    if not licences:
        msg = f"the crate {package['name']} {package['version']} has no licence file: nobody may be given it without"
        raise SystemExit(msg)
    if "AND" not in package["license"] and "MIT" in package["license"]:
        licences = [text for text in licences if MIT.search(text)][:1] or licences
    return licences + [_text(path) for path in files if NOTICE.search(path.name)]


def written(packages: list[dict[str, Any]]) -> str:
    """Give the file's text: each licence once, beneath the crates that it is of."""
    crates: dict[str, list[str]] = {}
    for package in packages:
        name = f"{package['name']} {package['version']} ({package['license']})"
        for text in texts(package):
            crates.setdefault(text, []).append(name)
    of_serde = next(text for text, names in crates.items() if any(name.startswith("serde ") for name in names))
    crates.setdefault(f"{COPYRIGHT_OF_RUST}\n\n{of_serde}", []).append(STANDARD_LIBRARY)
    parts = [f"## {', '.join(names)}\n\n```text\n{text}\n```\n" for text, names in crates.items()]
    return "\n".join([INTRODUCTION, *parts])


def _text(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def main() -> None:
    """Write the file, or check it."""
    text = written(linked(metadata()))
    if sys.argv[1:] == ["--check"]:
        if not NOTICES.exists() or NOTICES.read_text(encoding="utf-8") != text:
            msg = "NOTICES.md is not that of Cargo.lock's crates; write it again: python release/notices.py"
            raise SystemExit(msg)
        return
    NOTICES.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
