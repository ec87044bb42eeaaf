"""Main: the `qt` command, one table of names, loaded one at a time.

Starting must cost nothing, so a command's module is imported when that command is used, and help is read from
the table. Every end has its exit code, and an error of ours is one line.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from qt_ray.cli.screen import fault, note, say
from qt_ray.core.errors import QtError

EXIT_INTERNAL = 1
EXIT_USAGE = 2
EXIT_CONFIG = 3
EXIT_PERMISSION = 8
EXIT_INTERRUPTED = 130
EXIT_PIPE_CLOSED = 141


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command lives, and its line of help."""

    place: str
    help: str


COMMANDS = {
    "up": Command("qt_ray.cli.up:up", "Begin the fund of a profile and keep it going, paper money by default."),
    "down": Command("qt_ray.cli.down:down", "End the running fund in order."),
    "status": Command("qt_ray.cli.status:status", "Show the running fund: its parts, its numbers, where to look."),
    "logs": Command("qt_ray.cli.logs:logs", "Show what the parts of the fund say."),
    "demo": Command("qt_ray.cli.backtest:demo", "Backtest a fund on a synthetic market and show its report."),
    "backtest": Command("qt_ray.cli.backtest:backtest", "Run the fund over stored bars and write its report."),
    "replay": Command("qt_ray.cli.replay:replay", "Run a recorded run again and compare every digest."),
    "report": Command("qt_ray.cli.backtest:report", "Show a run's numbers, or write its page again."),
    "sweep": Command("qt_ray.cli.backtest:sweep", "Backtest many parameters at once."),
    "train": Command("qt_ray.cli.train:train", "Train an ensemble, judge it and register it."),
    "predict": Command("qt_ray.cli.predict:predict", "Show what the models think of the last bar, and why."),
    "paper-venue": Command("qt_ray.cli.paper_venue:paper_venue", "Open an exchange that speaks the real protocol."),
    "positions": Command("qt_ray.cli.account:positions", "Show what the account holds at the exchange."),
    "orders": Command("qt_ray.cli.account:orders", "Show the open orders, conditional ones too."),
    "fills": Command("qt_ray.cli.account:fills", "Show the account's trades."),
    "pnl": Command("qt_ray.cli.account:pnl", "Show what the account made, and from what."),
    "policy": Command("qt_ray.cli.policy:app", "Show and change what the fund may do."),
    "ess": Command("qt_ray.cli.ess:app", "Show, trip or reset the emergency stop."),
    "trade": Command("qt_ray.cli.trade:app", "Pause or resume new positions, close what is held."),
    "auth": Command("qt_ray.cli.auth:app", "Give and take back keys of the console."),
    "flatten": Command("qt_ray.cli.flatten:flatten", "Stop: cancel all orders and close all positions, now."),
    "latch": Command("qt_ray.cli.latch:app", "Show or open the latch that shuts entries out."),
    "audit": Command("qt_ray.cli.audit:app", "Prove, read and hand on the record of what was done."),
    "drill": Command("qt_ray.cli.drill:drill", "Measure an emergency on a paper venue, many times."),
    "doctor": Command("qt_ray.cli.doctor:doctor", "Look for each reason not to trade, ours and the exchange's."),
    "data": Command("qt_ray.cli.data:app", "Import, check and list market data."),
    "models": Command("qt_ray.cli.models:app", "Show, compare, verify and promote models."),
    "deploy": Command("qt_ray.cli.deploy:app", "Write the files that begin the fund on other machines."),
    "config": Command("qt_ray.cli.config:app", "Show the settings and where each of them came from."),
}


class LazyGroup(TyperGroup):
    """A group that knows its commands by name and imports one when it is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, command in COMMANDS.items():
            self.add_command(TyperCommand(name, help=command.help, callback=_unloaded), name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the real command behind a name."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name in COMMANDS else command, rest


def _unloaded() -> None:
    raise RuntimeError("a command is loaded before it is called")


def load_command(name: str) -> Any:
    """Return the command of that name, importing its module."""
    module, _, attribute = COMMANDS[name].place.partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        group = get_group(found)
        group.name, group.help = name, group.help or COMMANDS[name].help
        return group
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(found)
    return get_command(single)


app = typer.Typer(
    name="qt",
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"qt-ray {version('qt-ray')}")
        raise typer.Exit


@app.callback()
def qt(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and end."
    ),
) -> None:
    """An autonomous hedge fund for crypto perpetual futures, under measured control."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `qt` and return its exit code: 0 ok, 2 usage, 130 interrupted, else the error's own."""
    sys.excepthook = _internal
    command = get_command(app)
    try:
        code = command.main(args=arguments, prog_name="qt", standalone_mode=False)
        sys.stdout.flush()
    except QtError as error:
        fault(str(error))
        return error.exit_code
    except typer.TyperException as error:
        return _usage(error)
    except (typer.Abort, KeyboardInterrupt):
        note("interrupted")
        return EXIT_INTERRUPTED
    except PermissionError as error:
        fault(f"{error.filename}: a file this user may use, was: {error.strerror}")
        return EXIT_PERMISSION
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the interpreter flushes once more at its end
        return EXIT_PIPE_CLOSED
    except OSError as error:
        fault(f"{error.filename or 'a file'}: a place that can be read and written, was: {error.strerror or error}")
        return EXIT_CONFIG
    if code == EXIT_INTERRUPTED:  # typer has already caught the interrupt of a command that was running
        note("interrupted")
    return code if isinstance(code, int) else 0


def _usage(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    text = error.format_message()
    if context is None or "\n" in text:
        note(text)
    else:
        fault(f"{text} See `{context.command_path} --help`.")
    return error.exit_code


def _internal(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if os.environ.get("QT_DEBUG") == "1":
        sys.__excepthook__(kind, error, trace)
        return
    fault(f"internal: {kind.__name__}: {error} (QT_DEBUG=1 shows where)")


if __name__ == "__main__":
    sys.exit(main())
