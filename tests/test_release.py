"""What a release holds: licences of its crates, what building needs and nothing else, a README that can be shown."""

import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
from readme_renderer import markdown

REPOSITORY = Path(__file__).parents[1]
sys.path.append(str(REPOSITORY / "release"))

import addresses  # noqa: E402
import notices  # noqa: E402
import try_install  # noqa: E402

ADDRESS = "https://forge.example/some/one"
README = (REPOSITORY / "README.md").read_text()
PYPROJECT = (REPOSITORY / "pyproject.toml").read_text()
VERSION = tomllib.loads(PYPROJECT)["project"]["version"]


def crate(folder: Path, name: str, licence: str, files: dict[str, str]) -> dict[str, Any]:
    """Make a crate as cargo metadata names it, with these files beside its manifest."""
    (folder / name).mkdir()
    for file, text in files.items():
        (folder / name / file).write_text(text)
    manifest = str(folder / name / "Cargo.toml")
    return {"id": name, "name": name, "version": "1.0.0", "license": licence, "manifest_path": manifest}


def said_of(needs: dict[str, list[tuple[str, str | None]]], macros: set[str]) -> dict[str, Any]:
    """Give what cargo metadata says of crates that need others, each in some way (`None`: linked)."""
    packages = [
        {"id": name, "name": name, "version": "1", "targets": [{"kind": ["proc-macro" if name in macros else "lib"]}]}
        for name in needs
    ]
    nodes = [
        {"id": name, "deps": [{"pkg": other, "dep_kinds": [{"kind": kind}]} for other, kind in others]}
        for name, others in needs.items()
    ]
    return {"packages": packages, "resolve": {"root": "ours", "nodes": nodes}}


def test_the_notices_are_of_the_crates_that_are_linked() -> None:
    needs: dict[str, list[tuple[str, str | None]]] = {
        "ours": [("linked", None), ("macro", None), ("bench", "dev"), ("builder", "build")],
        "linked": [("beneath", None)],
        "macro": [("of-the-macro", None)],
        **{name: [] for name in ("beneath", "bench", "builder", "of-the-macro")},
    }
    assert [package["name"] for package in notices.linked(said_of(needs, {"macro"}))] == ["beneath", "linked"]


def test_of_a_choice_of_licences_the_notices_have_mit_and_else_all_there_is(tmp_path: Path) -> None:
    mit, apache = "Permission is hereby granted, free of charge, to you\n", "Apache License\n"
    both = {"LICENSE-APACHE": apache, "LICENSE-MIT": mit, "NOTICE.txt": "by us\n", "README.md": "no licence\n"}
    assert notices.texts(crate(tmp_path, "choice", "MIT OR Apache-2.0", both)) == [mit.strip(), "by us"]
    assert notices.texts(crate(tmp_path, "both", "Apache-2.0 AND MIT", both)) == [apache.strip(), mit.strip(), "by us"]
    assert notices.texts(crate(tmp_path, "one", "Zlib", {"LICENSE": "zlib\n"})) == ["zlib"]


def test_a_crate_without_a_licence_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"the crate bare 1\.0\.0 has no licence file"):
        notices.texts(crate(tmp_path, "bare", "MIT", {"README.md": "MIT\n"}))


def test_notices_of_another_lock_file_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["notices.py", "--check"])
    notices.main()
    other = tmp_path / "NOTICES.md"
    other.write_text(notices.NOTICES.read_text().replace("## bytes 1.", "## bytes 0."))
    monkeypatch.setattr(notices, "NOTICES", other)
    with pytest.raises(SystemExit, match=r"write it again: python release/notices\.py"):
        notices.main()


def test_wheels_are_built_for_the_targets_of_the_notices() -> None:
    workflow = (REPOSITORY / ".github/workflows/release.yml").read_text()
    assert sorted(re.findall(r"\{ target: ([\w-]+),", workflow)) == sorted(notices.TARGETS)


def test_the_source_distribution_holds_what_building_needs_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run(["maturin", "sdist", "--out", tmp_path], cwd=REPOSITORY, check=True, capture_output=True)
    (made,) = tmp_path.iterdir()
    with tarfile.open(made) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    sources = [
        *REPOSITORY.glob("src/**/*.rs"),
        *REPOSITORY.glob("python/**/*.py*"),
        *REPOSITORY.glob("python/**/py.typed"),
    ]
    needed = {str(path.relative_to(REPOSITORY)) for path in sources if path.suffix != ".pyc"}
    beside = {"Cargo.toml", "Cargo.lock", "LICENSE", "NOTICES.md", "PKG-INFO", "README.md", "pyproject.toml"}
    assert held == needed | beside


def test_a_package_index_shows_the_readme_and_its_links_lead_somewhere() -> None:
    shown = markdown.render(addresses.with_addresses(README, ADDRESS, VERSION))
    assert shown is not None
    links = re.findall(r'(?:href|src)="([^"#][^"]*)"', shown)
    assert f"{ADDRESS}/blob/v{VERSION}/docs/filters.md" in links
    assert f"{ADDRESS}/raw/v{VERSION}/docs/benchmarks.svg" in links
    assert [link for link in links if not link.startswith("https://")] == []
    assert len(links) == len(re.findall(r"]\(", README))


def test_a_released_package_says_where_the_project_is() -> None:
    settings = tomllib.loads(addresses.with_urls(PYPROJECT, ADDRESS, VERSION))
    assert settings["project"].pop("urls") == {
        "Repository": ADDRESS,
        "Issues": f"{ADDRESS}/issues",
        "Changelog": f"{ADDRESS}/blob/v{VERSION}/CHANGELOG.md",
    }
    assert settings == tomllib.loads(PYPROJECT)
    with pytest.raises(SystemExit, match="nothing was written"):
        addresses.with_urls(addresses.with_urls(PYPROJECT, ADDRESS, VERSION), ADDRESS, VERSION)


def test_a_wheel_is_tried_where_no_rust_is_and_a_source_distribution_where_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "rust").mkdir()
    (tmp_path / "rust" / "rustc").touch(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{tmp_path / 'rust'}")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY / "python"))
    assert try_install.environment(rust=False)["PATH"] == str(tmp_path)
    assert try_install.environment(rust=True)["PATH"] == f"{tmp_path}:{tmp_path / 'rust'}"
    assert "PYTHONPATH" not in try_install.environment(rust=True)


def test_one_wheel_for_this_python_is_tried_and_no_other(tmp_path: Path) -> None:
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    (tmp_path / f"x-1-{tag}-{tag}-manylinux.whl").touch()
    (tmp_path / "x-1-cp27-cp27-manylinux.whl").touch()
    assert try_install.chosen(tmp_path, sdist=False) == tmp_path / f"x-1-{tag}-{tag}-manylinux.whl"
    with pytest.raises(SystemExit, match=r"has 0 files \*\.tar\.gz"):
        try_install.chosen(tmp_path, sdist=True)
    (tmp_path / f"x-2-{tag}-{tag}-manylinux.whl").touch()
    with pytest.raises(SystemExit, match="has 2 files"):
        try_install.chosen(tmp_path, sdist=False)


def test_one_version_is_named_everywhere() -> None:
    manifest = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["package"]
    cited = re.findall(r"^version: (.*)$", (REPOSITORY / "CITATION.cff").read_text(), re.MULTILINE)
    assert [manifest["version"], *cited] == [VERSION, VERSION]


def test_the_readme_names_the_least_rust() -> None:
    least = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["package"]["rust-version"]
    assert f"Rust {least} or later" in README
