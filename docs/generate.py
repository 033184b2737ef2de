"""Pages of the reference that follow from the code: command line, JSON, architecture."""

from __future__ import annotations

import ast
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, cast, get_args

import typer
from gindex_cli import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
NOTE = "<!-- Written by docs/generate.py from the code: `make docs-reference` writes it again. -->"
OF_THE_MACHINE = {"threads": "all cores"}  # defaults that differ from machine to machine


def pages() -> dict[Path, str]:
    """Every generated page: its path and its text."""
    return {
        DOCS / "reference" / "command-line.md": command_line(),
        DOCS / "reference" / "json.md": json_reference(),
        DOCS / "development" / "architecture.md": architecture(),
    }


# The command line


def command_line() -> str:
    root: Any = typer.main.get_command(
        app
    )  # typer brings a click of its own, so nothing here names its classes
    context = root.context_class(root, info_name="gindex")
    parts = [NOTE, "# Command line", INTRODUCTION]
    for section, commands in sections(root).items():
        parts.append(f"## {section}")
        for command in commands:
            parts += _command(command, command.name, context, 3)
    return "\n\n".join(parts) + "\n"


def sections(root: Any) -> dict[str, list[Any]]:
    """The commands by the sections that `gindex --help` shows."""
    found: dict[str, list[Any]] = {}
    for command in root.commands.values():
        found.setdefault(str(command.rich_help_panel), []).append(command)
    return found


INTRODUCTION = """Every command is `gindex COMMAND`; `gindex COMMAND --help` shows the same as this page.

The index is `--index`, else the environment variable `GINDEX_INDEX`, else `./gindex-index`.

Exit codes: 0, every input was answered; 1, some inputs failed, and their rows say why; 2, wrong use, or an
index that cannot be used."""


def _command(command: Any, name: str, parent: Any, level: int) -> Iterator[str]:
    context = command.context_class(command, info_name=name, parent=parent)
    yield f"{'#' * level} gindex {context.command_path.removeprefix('gindex ')}"
    yield _plain(command.help or "")
    if hasattr(command, "commands"):
        for nested in command.commands.values():
            yield from _command(nested, nested.name or "", context, level + 1)
        return
    yield f"    {' '.join(command.get_usage(context).removeprefix('Usage: ').split())}"
    if rows := list(_parameters(command)):
        yield "\n".join(["| option | value | default | description |", "|---|---|---|---|", *rows])


def _parameters(command: Any) -> Iterator[str]:
    for parameter in command.params:
        if parameter.name == "help" or getattr(parameter, "hidden", False):
            continue
        cells = _named(parameter), _value(parameter), _default(parameter), _help(parameter)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _named(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    return ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))


def _value(parameter: Any) -> str:
    if getattr(parameter, "is_flag", False):
        return ""
    kind = _kind_of(parameter.type_descriptor.annotation)
    if issubclass(kind, Enum):
        return ", ".join(f"`{choice.value}`" for choice in kind)
    name = {"int": "number", "float": "number", "Path": "path", "str": "text"}[kind.__name__]
    several = ", several" if parameter.nargs == -1 or parameter.multiple else ""
    return f"{name}{several}{_bounds(parameter)}"


def _kind_of(annotation: Any) -> type:
    """The type of one value: `list[X] | None` -> X."""
    for part in get_args(annotation):
        if part is not type(None):
            return _kind_of(part)
    return cast(type, annotation)


def _bounds(parameter: Any) -> str:
    low, high = parameter.min, parameter.max
    if low is None:
        return ""
    return f", {low:g} to {high:g}" if high is not None else f", {low:g} and more"


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    default = parameter.default
    if parameter.name in OF_THE_MACHINE and default is not None:
        return OF_THE_MACHINE[parameter.name]
    if default is None or default is False or default == "" or callable(default):
        return ""
    values = default if isinstance(default, list | tuple) else [default]
    return ", ".join(f"`{getattr(value, 'value', value)}`" for value in values)


def _help(parameter: Any) -> str:
    text = _plain(getattr(parameter, "help", None) or "")
    variable = getattr(parameter, "envvar", None)
    return f"{text} Environment variable `{variable}`." if variable else text


def _plain(text: str) -> str:
    """Help as one paragraph a paragraph, with what Markdown would read as a tag or an emphasis as text."""
    lines = [" ".join(part.split()) for part in text.split("\n\n")]
    return "\n\n".join(lines).replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")


# JSON


def json_reference() -> str:
    parts = [NOTE, "# JSON", JSON_INTRODUCTION]
    for path in sorted((ROOT / "genome_index" / "report" / "schemas").glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        parts += [f"## {schema['title']}", schema["description"]]
        parts += [f"Schema: `{path.relative_to(ROOT)}`.", _fields(schema)]
        for name, nested in schema.get("$defs", {}).items():
            parts += [f"### {schema['title']}: {name}"]
            parts += [nested["description"]] if "description" in nested else []
            parts += [_fields(nested)] if "properties" in nested else [f"Values: {_kind(nested)}."]
    return "\n\n".join(parts) + "\n"


JSON_INTRODUCTION = """JSON is the contract for programs. Each document has a `version`: fields may be added,
but none changes its meaning or goes without a new version. A schema of each (JSON Schema 2020-12) comes with
the package, and the tests validate the output of the commands with it."""


def _fields(schema: Mapping[str, Any]) -> str:
    rows = [f"| `{name}` | {kind} | {text} |" for name, kind, text in _walk(schema, "")]
    return "\n".join(["| field | value | description |", "|---|---|---|", *rows])


def _walk(schema: Mapping[str, Any], before: str) -> Iterator[tuple[str, str, str]]:
    for name, field in schema.get("properties", {}).items():
        text = field.get("description", "").replace("|", "\\|").replace("<", "&lt;")
        yield f"{before}{name}", _kind(field), text
        yield from _walk(field, f"{before}{name}.")
        items = field.get("items", {})
        if isinstance(items, dict):
            yield from _walk(items, f"{before}{name}[].")


def _kind(field: Mapping[str, Any]) -> str:
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "enum" in field:
        return ", ".join(f"`{json.dumps(value)}`" for value in field["enum"])
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[-1]
    if variants := field.get("anyOf") or field.get("oneOf"):
        return " or ".join(_kind(variant) for variant in variants)
    kinds = field.get("type", "any")
    named = " or ".join([kinds] if isinstance(kinds, str) else kinds)
    return f"{named} of {_kind(field['items'])}" if field.get("items") else named


# Architecture


def architecture() -> str:
    parts = [NOTE, "# Architecture", ARCHITECTURE, f"```text\n{_layers()}\n```", "## Modules", MODULES]
    for name, folder in (("genome_index", ROOT / "genome_index"), ("gindex_cli", ROOT / "cli")):
        for package in sorted(path.parent for path in folder.rglob("__init__.py")):
            parts += _package(package, ".".join((name, *package.relative_to(folder).parts)))
    return "\n\n".join(parts) + "\n"


ARCHITECTURE = """Read `genome_index/pipeline.py` first: it shows the way of the data on one screen. Each
folder of `genome_index` is one subject, and `tests/` has the same folders. A folder imports only what stands
below it here; folders on one line do not import each other. import-linter checks this in `make check`."""

MODULES = "The descriptions are the modules' own first lines."


def _layers() -> str:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return "\n".join(["gindex_cli", *layers])


def _package(folder: Path, name: str) -> list[str]:
    modules = [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
    described = first_line(folder / "__init__.py")
    heading = f"{'#' * (3 + name.count('.'))} {name}"
    return [heading, *([described] if described else []), *([_module_table(modules)] if modules else [])]


def _module_table(modules: list[Path]) -> str:
    rows = [f"| `{path.name}` | {first_line(path).replace('|', chr(92) + '|')} |" for path in modules]
    return "\n".join(["| module | what it holds |", "|---|---|", *rows])


def first_line(path: Path) -> str:
    """The first paragraph's first line of a module's docstring; empty if it has none."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("\n", 1)[0].replace("<", "&lt;")


def main() -> None:
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
