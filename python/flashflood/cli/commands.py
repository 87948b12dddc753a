"""All commands, and the group that they are in."""

from typing import Any

import click

from flashflood.cli import demo as walk
from flashflood.cli.following import follow
from flashflood.cli.log import verbose
from flashflood.cli.output import writing
from flashflood.cli.reading import get, get_many, journals, replay, search
from flashflood.cli.stats import stats
from flashflood.cli.upkeep import apply_updates, check, collect_garbage, compact, copy, journal, maintain, repair
from flashflood.cli.writing import delete, put, put_many, update


class Commands(click.Group):
    """The commands. Where click cannot write help or version, that is one error line, as for the commands' output."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:  # noqa: ANN401  click's own
        """Read the command line; `--help` and `--version` are answered on the way."""
        with writing():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  what the command gives
        """Run the command."""
        with writing():
            return super().invoke(ctx)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flashflood-rs", prog_name="flashflood", message="%(prog)s %(version)s")
@verbose
def flashflood() -> None:
    """Record events and stream them back, on S3, in a file or in a local folder.

    \b
      export FLASHFLOOD_STORE=events.flashflood         # or s3://BUCKET/PREFIX, or FOLDER/
      flashflood put '{"level": 43}' --id monday
      flashflood replay --from -7d --filter 'level > `40`'

    On a terminal, results are shown for people; into a file or a pipe they go as JSON Lines.

    Exit codes: 0 done; 1 it could not be done; 2 the command line is wrong.
    """  # noqa: D301  click's sign that lines stay as they are


@click.command()
@click.option(
    "--store",
    "url",
    metavar="URL",
    help="Walk below s3://BUCKET/PREFIX or in a folder, in a place of its own, not in a temporary file.",
)
def demo(url: str | None) -> None:
    """Walk through all that the package does, in a temporary file, checking each result."""
    walk.run(url)


_WRITING = (put, put_many, update, delete)
_READING = (get, get_many, replay, follow, search, journals, stats)
_UPKEEP = (journal, apply_updates, compact, collect_garbage, maintain, check, repair, copy)

for _command in (*_WRITING, *_READING, *_UPKEEP, demo):
    flashflood.add_command(verbose(_command))
