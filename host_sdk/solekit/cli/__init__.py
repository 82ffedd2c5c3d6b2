"""The command ``solekit``: one file per subcommand; stdout is data, stderr is what happens.

Exit code 0 when all is well, 1 for a problem with insole, link or data (one line, no traceback), 2
for a command that cannot be understood.
"""

from __future__ import annotations

import sys

import typer

from solekit.errors import SealedError, SolekitError, TransportSpecError

EXIT_PROBLEM = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def _app() -> typer.Typer:
    from solekit.cli import (
        analyse,
        calibrate,
        check_table,
        cohort,
        compare_groups,
        demo,
        erase,
        export,
        fetch,
        infer,
        info,
        pair,
        pose,
        predict,
        record,
        recover,
        replay,
        report,
        scan,
        seal,
        selftest,
        settings,
        tie,
        unseal,
        update,
        variables,
        verify,
    )

    app = typer.Typer(
        name="solekit",
        help="Solekit, the open smart insole. Research use, not a medical device.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    bench = (fetch, settings, selftest, calibrate, update)
    data = (
        analyse,
        cohort,
        compare_groups,
        check_table,
        predict,
        report,
        export,
        infer,
        pose,
        info,
        verify,
        variables,
        tie,
        recover,
        seal,
        unseal,
        erase,
    )
    for module in (demo, scan, pair, record, replay, *data, *bench):
        name = module.__name__.rpartition(".")[2].replace("_", "-")
        app.command(name=name)(module.run)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; ends the process with its exit code."""
    try:
        _app()(args=arguments, prog_name="solekit")
    except TransportSpecError as error:
        _fail(error, EXIT_USAGE)
    except SealedError as error:
        from solekit.cli.passphrase import ask_for

        if not ask_for(error):
            _fail(error, EXIT_PROBLEM)
        main(arguments)
    except SolekitError as error:
        _fail(error, EXIT_PROBLEM)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has gone; nobody is left to tell
        sys.stderr.close()
        sys.exit(EXIT_PROBLEM)


def _fail(error: Exception, code: int) -> None:
    print(f"solekit: {error}", file=sys.stderr)
    sys.exit(code)
