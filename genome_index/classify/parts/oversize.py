"""Oversize: a query that is much longer than every genome of the name that it would get.

Beside a reference that is far from all of it, nothing else shows how much of a query is other DNA: few of its
k-mers are shared anyway, and its composition may be that of the other DNA.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from genome_index.index.index import Index
from genome_index.records import Call, Genome

LONGEST = (
    3.0  # times the longest genome of a name: beside other species of their genus, 2 of 4,214 mitogenomes
)
# (plants), and no bacterium or virus, are longer


def longest_of_name(index: Index, genome: Genome, call: Call, hidden: Collection[int] = ()) -> int | None:
    """The longest genome of a call's name in bp, if the query is more than LONGEST times as long; else None.

    `hidden` are references that are left out.
    """
    if call.rank is None or call.name is None:
        return None
    level = index.model.levels[call.rank]
    rows = np.flatnonzero((level.codes == level.names.index(call.name)) & index.model.live)
    longest = 0
    for row in rows.tolist():
        length = 0 if row in hidden else index.references.length_bp(row)
        if length * LONGEST >= genome.length_bp:
            return None
        longest = max(longest, length)
    return longest or None
