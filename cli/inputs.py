"""Inputs of a command line: the arguments, --from-file, and the taxonomy that belongs to them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from gindex_cli.run import say

if TYPE_CHECKING:
    from gindex_cli.choices import IdSource

    from genome_index.io.inputs import Input
    from genome_index.taxonomy.input_plan import Plan


def all_inputs(inputs: list[str] | None, from_file: Path | None) -> list[str | Input]:
    """The inputs of the command line, then those of --from-file.

    Raises
    ------
    UsageError
        There is no input, or the list cannot be read.
    """
    from genome_index.errors import UsageError
    from genome_index.io.inputs import read_list

    given = [*(inputs or []), *(read_list(from_file) if from_file else [])]
    if not given:
        raise UsageError("no input: give files, folders, - for standard input, or --from-file LIST")
    return given


def planned_inputs(
    inputs: list[str] | None, from_file: Path | None, taxonomy: Path | None, genome_per: str | None,
    id_from: IdSource | None = None,
) -> Plan:  # fmt: skip
    """All inputs with ids, taxonomy and the unit of one genome; notes of this plan are printed."""
    from genome_index.io.ids.genome_ids import with_rule
    from genome_index.taxonomy.input_plan import plan

    given = with_rule(all_inputs(inputs, from_file), id_from.value if id_from else None)
    planned = plan(given, taxonomy, genome_per)
    tell_notes(planned.notes)
    return planned


def tell_notes(notes: Iterable[str]) -> None:
    """Print notes, one a line."""
    for note in notes:
        say(f"note: {note}")
