"""Where the command starts and ends: exit codes, and one line on standard error for whatever goes wrong."""

from collections.abc import Sequence

import click

from flashflood.cli.commands import flashflood
from flashflood.cli.log import logging_to_stderr
from flashflood.cli.output import ReaderGone, abandon_stdout, flush, one_line, say, stand_in_for_closed_streams

INTERRUPTED = 130
"""128 + SIGINT: what a shell reports for a program that Ctrl-C ended."""
READER_GONE = 141
"""128 + SIGPIPE: what a shell reports for a program whose reader (`| head`) had enough."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (None: the process's own) and give its exit code.

    0: done. 1: it could not be done. 2: the command line itself is wrong. 130: Ctrl-C.
    141: whoever read standard output went away.
    """
    stand_in_for_closed_streams()
    try:
        with logging_to_stderr():
            status = flashflood.main(arguments, prog_name="flashflood", standalone_mode=False)
        flush()
    except ReaderGone:
        abandon_stdout()
        return READER_GONE
    except click.Abort:
        abandon_stdout()
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        return error.exit_code
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "flashflood"
        return _fail(f"{error.format_message()} (see `{command} --help`)", error.exit_code)
    except click.ClickException as error:
        return _fail("; ".join([error.format_message(), *getattr(error, "__notes__", ())]), error.exit_code)
    return int(status or 0)


def _fail(message: str, status: int) -> int:
    abandon_stdout()
    say(f"flashflood: {one_line(message)}")
    return status
