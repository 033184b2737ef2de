"""Ids of genomes: given in a list, or made of a file's name, folder or path, or of its first record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from genome_index.io.inputs import IdFrom, Input, file_stem, printable
from genome_index.records import Genome


def with_rule(inputs: Iterable[str | Input], rule: IdFrom | None) -> list[str | Input]:
    """The inputs with a rule for their ids; ids that are given stay.

    >>> with_rule(["a.fa", Input("b.fa", id="b")], "path")
    [Input(path='a.fa', id='', id_from='path'), Input(path='b.fa', id='b', id_from='path')]
    """
    if rule is None:
        return list(inputs)
    return [Input(str(given), given.id if isinstance(given, Input) else "", rule) for given in inputs]


def file_id(given: str | Path | Input, path: str) -> str:
    """The id of a genome that is a file.

    >>> [file_id(Input("s1", id_from=rule), "s1/bins/bin.1.fa") for rule in ("stem", "parent", "path")]
    ['bin.1', 'bins', 's1/bins/bin.1']
    """
    if isinstance(given, Input) and given.id:
        return given.id
    if path == "-":
        return "stdin"
    rule = given.id_from if isinstance(given, Input) else None
    if rule == "parent":
        return printable(Path(path).absolute().parent.name) or file_stem(path)
    if rule == "path":
        return str(Path(printable(str(Path(path).parent)), file_stem(path)))
    return file_stem(path)


def record_prefix(given: str | Path | Input, path: str) -> str:
    """What comes before the names of records that are genomes: nothing, or what the user chose for the file.

    >>> record_prefix(Input("bin.1.fa", id_from="stem"), "bin.1.fa"), record_prefix("bin.1.fa", "bin.1.fa")
    ('bin.1|', '')
    """
    if not isinstance(given, Input) or not (given.id or given.id_from in ("stem", "parent", "path")):
        return ""
    return f"{file_id(given, path)}|"


def by_header(genome: Genome, given: str | Path | Input) -> Genome:
    """The genome of a file, named after its first record where the user chose that."""
    if isinstance(given, Input) and given.id_from == "header" and not given.id:
        return replace(genome, id=genome.contigs[0].name)
    return genome
