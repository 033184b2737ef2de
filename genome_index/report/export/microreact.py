"""Microreact: a table of metadata for the Newick tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from genome_index.index.index import Index
from genome_index.index.store.composition import decode_course
from genome_index.io.tsv import row
from genome_index.records import Entry
from genome_index.report.export.colours import NO_NAME_COLOUR, colours_of
from genome_index.report.export.names import ExportOptions, ids_of
from genome_index.report.sql import distinct_names
from genome_index.taxonomy.levels import labels_of, name_of, ranks_of


def microreact(index: Index, entries: Sequence[Entry], options: ExportOptions) -> Iterator[str]:
    """A TSV whose column `id` matches the leaves of the tree, and `species__colour` colours by species.

    https://docs.microreact.org/instructions/creating-a-microreact-project/metadata-column-types
    """
    levels = [*ranks_of(entries), *labels_of(entries)]
    rank = options.rank or "species"
    colours = colours_of(name for entry in entries if (name := name_of(entry, rank)))
    header = ["id", *levels, "length_bp", "gc_percent", "contigs", "molecule"]
    header += [f"{rank}__colour"] if colours else []
    yield row(distinct_names(header))
    for own_id, entry in zip(ids_of(entries), entries, strict=True):
        gc = gc_percent(index.references.course(entry.row))
        cells = [own_id, *(name_of(entry, level) or "" for level in levels)]
        cells += [str(entry.length_bp), f"{gc:.2f}", str(entry.contigs), entry.molecule]
        cells += [colours.get(name_of(entry, rank) or "", NO_NAME_COLOUR)] if colours else []
        yield row(cells)


def gc_percent(course: bytes) -> float:
    """GC content of the known bases in percent; 0 if all are N."""
    a, c, g, t = decode_course(course).sum(axis=0, dtype=np.int64)
    return float(100 * (c + g) / max(a + c + g + t, 1))
