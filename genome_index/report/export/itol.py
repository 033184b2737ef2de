"""iTOL: annotations for the Newick tree, by the templates of https://itol.embl.de/help.cgi.

Each file has one kind of annotation: `itol` a strip of colours, `itol-labels` names of the leaves. Ids are
those of the leaves without the quotes of Newick.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from genome_index.errors import UsageError
from genome_index.index.index import Index
from genome_index.io.tsv import unquoted_row
from genome_index.records import Entry
from genome_index.report.export.colours import NO_NAME_COLOUR, colours_of
from genome_index.report.export.names import ExportOptions, ids_of
from genome_index.taxonomy.levels import name_of

LEGEND_NAMES = 30  # commonest names in the legend; more do not fit beside a tree
SQUARE = "1"  # a shape of the legend


def strip(index: Index, entries: Sequence[Entry], options: ExportOptions) -> Iterator[str]:
    """DATASET_COLORSTRIP: a colour for each genome that has a name, and the commonest names in a legend."""
    rank = options.rank or "species"
    named = _named(entries, rank)
    counts = Counter(name for _, name in named)
    colours = colours_of(counts)
    shown = [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))][:LEGEND_NAMES]
    legend = [
        ["LEGEND_TITLE", rank],
        ["LEGEND_SHAPES", *(SQUARE for _ in shown)],
        ["LEGEND_COLORS", *(colours[name] for name in shown)],
        ["LEGEND_LABELS", *shown],
    ]
    settings = [["DATASET_LABEL", rank], ["COLOR", NO_NAME_COLOUR], *(legend if shown else [])]
    data = ([own_id, colours[name], name] for own_id, name in named)
    return _file("DATASET_COLORSTRIP", settings, data)


def labels(index: Index, entries: Sequence[Entry], options: ExportOptions) -> Iterator[str]:
    """LABELS: leaves show the name of their genome instead of its id."""
    return _file(
        "LABELS", [], ([own_id, name] for own_id, name in _named(entries, options.rank or "species"))
    )


def _named(entries: Sequence[Entry], rank: str) -> list[tuple[str, str]]:
    """Id and name of the genomes with a name at this rank or label."""
    ids = ids_of(entries)
    for own_id in ids:
        if own_id.startswith("#"):
            raise UsageError(f"itol: to iTOL a line with {own_id!r} is a comment; add it under another id")
    names = (name_of(entry, rank) for entry in entries)
    return [(own_id, name) for own_id, name in zip(ids, names, strict=True) if name]


def _file(kind: str, settings: Sequence[Sequence[str]], data: Iterator[list[str]]) -> Iterator[str]:
    yield f"{kind}\nSEPARATOR TAB\n"
    yield from (unquoted_row(cells) for cells in settings)
    yield "DATA\n"
    yield from (unquoted_row(cells) for cells in data)
