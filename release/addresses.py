"""What a package index shows: README's links with their whole addresses, and the project's own.

`python release/addresses.py https://github.com/OWNER/NAME` writes both into README.md and pyproject.toml, before a
release is built from them. They are not kept so: in the repository, links lead to the files that lie beside them.
"""

import re
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
BEFORE_URLS = "[project.optional-dependencies]\n"
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^]]*)]\((?P<path>(?![a-z]+:|#)[^)]+)\)")


def with_addresses(readme: str, address: str, version: str) -> str:
    """Give a README whose links lead to the files of a version's tag, on GitHub."""

    def whole(link: re.Match[str]) -> str:
        shown_as = "raw" if link["image"] else "blob"
        return f"{link['image']}[{link['text']}]({address}/{shown_as}/v{version}/{link['path']})"

    return LINK.sub(whole, readme)


def with_urls(pyproject: str, address: str, version: str) -> str:
    """Give a pyproject.toml that names where the project is."""
    if "[project.urls]" in pyproject or BEFORE_URLS not in pyproject:
        msg = f"pyproject.toml has its [project.urls] already, or no {BEFORE_URLS.strip()}; nothing was written"
        raise SystemExit(msg)
    urls = (
        "[project.urls]\n"
        f'Repository = "{address}"\n'
        f'Issues = "{address}/issues"\n'
        f'Changelog = "{address}/blob/v{version}/CHANGELOG.md"\n\n'
    )
    return pyproject.replace(BEFORE_URLS, urls + BEFORE_URLS)


def main() -> None:
    """Rewrite both files."""
    address = sys.argv[1].rstrip("/")
    readme, pyproject = REPOSITORY / "README.md", REPOSITORY / "pyproject.toml"
    settings = pyproject.read_text(encoding="utf-8")
    version = tomllib.loads(settings)["project"]["version"]
    page = readme.read_text(encoding="utf-8")
    pyproject.write_text(with_urls(settings, address, version), encoding="utf-8", newline="\n")
    readme.write_text(with_addresses(page, address, version), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
