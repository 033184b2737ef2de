"""Commands and their groups: plain help that fits 80 columns, and usage errors as one sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer
from gindex_cli.run import WRONG_USE, fail
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter

WHOLE = 1_000  # characters of a summary: click shortens longer ones with dots, and here none is


class Command(TyperCommand):
    """A command whose help names its arguments without Python's types."""

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the sections of arguments and options."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            name, text = parameter.get_help_record(ctx) or ("", "")
            if parameter.param_type_name == "option":
                sections["Options"].append((name, text))
            else:
                sections["Arguments"].append((_argument_name(parameter, name), text))
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def _argument_name(parameter: Any, name: str) -> str:  # noqa: ANN401  # typer does not export its class
    """The name of an argument in help: with its choices, or with dots if it takes several values."""
    if parameter.type_descriptor.choices:
        return name
    return f"{parameter.metavar}{'...' if parameter.nargs == -1 else ''}"


class Group(TyperGroup):
    """A group whose help shows its commands by section (rich_help_panel), in plain text."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write each section with its commands and their summaries, unshortened."""
        width = max(len(name) for name in self.commands)
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            section = getattr(command, "rich_help_panel", None)
            rows = sections.setdefault(section if isinstance(section, str) else "Commands", [])
            rows.append((f"{name:<{width}}", command.get_short_help_str(WHOLE)))
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Without arguments, print the help on standard error."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), err=True)
            raise typer.Exit(WRONG_USE)
        return super().parse_args(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,  # noqa: ANN401  # passed on as it comes
    ) -> Any:  # noqa: ANN401  # what a command returns, where not standalone
        """Run a command line; a usage error is one sentence on standard error and exit code 2."""
        try:
            result = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except typer.TyperException as error:
            if not standalone_mode:
                raise
            fail(usage_sentence(error))
            sys.exit(error.exit_code)
        except typer.Abort:
            if not standalone_mode:
                raise
            fail("aborted")
            sys.exit(1)
        if not standalone_mode:
            return result
        sys.exit(result)


def usage_sentence(error: typer.TyperException) -> str:
    """What is wrong with a command line and where its help is, without a full stop."""
    text = _value_sentence(error) or _plain(error.format_message())
    context = getattr(error, "ctx", None)
    return text if context is None or text.endswith("?") else f"{text}; see `{context.command_path} --help`"


def _value_sentence(error: typer.TyperException) -> str:
    """A value that an option cannot take, and what it can; empty for other errors."""
    details = getattr(error.__cause__, "errors", None)  # pydantic's, of a value that did not convert
    parameter = getattr(error, "param", None)
    if details is None or parameter is None:
        return ""
    name = parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar or parameter.name
    detail = details()[0]
    choices = parameter.type_descriptor.choices
    if choices:
        return f"{name} is {detail['input']!r}; choose {or_list(choices)}"
    needed = detail["msg"].removeprefix("Input should be ").partition(",")[0]
    return f"{name} is {detail['input']!r}; it must be {needed}"


def _plain(message: str) -> str:
    """A message of typer as one sentence in our form."""
    sentences = " ".join(message.split()).rstrip(".").split(". ")
    return "; ".join(sentence[:1].lower() + sentence[1:] for sentence in sentences)


def or_list(choices: Iterable[str]) -> str:
    """The choices as one says them: 'table, tsv or json'."""
    *first, last = choices
    return f"{', '.join(first)} or {last}" if first else f"{last}"
