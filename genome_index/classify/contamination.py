"""Is part of a genome from somewhere else? Its larger contigs are searched on their own.

A contig is foreign when it shares far more with a reference of another genus than with the genome's own
nearest one. What is left to chance (short contigs, genera that the index does not know) is not counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from genome_index.classify.search import contained, embed
from genome_index.index.audit.foreign_contigs import FOREIGN_IDENTITY, FOREIGN_LEAD, LEAST_CONTIG_BP
from genome_index.index.calibration.hits import kmer_identity
from genome_index.index.index import Index
from genome_index.records import Genome

MOST_CONTIGS = 40  # the largest; the others are a small part of any assembly that can be called
NEIGHBOURS = 20
FAIL_SHARE = 0.20  # of the bases looked at: from here on a query is no genome of one genus


@dataclass(frozen=True)
class Foreign:
    """The part of a genome that comes from elsewhere."""

    share: float  # of the bases in the contigs looked at
    source: str  # the species most of it is nearest to


def foreign_part(index: Index, genome: Genome, nearest_row: int) -> Foreign | None:
    """Find the share of a genome's contigs that belongs to another genus than its nearest reference."""
    genus = index.entry(nearest_row).lineage.name("genus")
    contigs = sorted(
        (contig for contig in genome.contigs if len(contig.sequence) >= LEAST_CONTIG_BP),
        key=lambda contig: -len(contig.sequence),
    )[:MOST_CONTIGS]
    if len(contigs) < 2 or genus is None:
        return None
    pieces = [Genome(contig.name, (contig,), genome.source) for contig in contigs]
    _, rows = index.model.vectors.search(embed(index, pieces), NEIGHBOURS, index.model.live)
    index.prefetch(np.unique(rows).tolist())
    sources: Counter[str] = Counter()
    for piece, near in zip(pieces, rows, strict=True):
        source = _source(index, piece, np.append(near, nearest_row), genus)
        if source:
            sources[source] += piece.length_bp
    if not sources:
        return None
    share = sources.total() / sum(piece.length_bp for piece in pieces)
    return Foreign(share, sources.most_common(1)[0][0])


def _source(index: Index, piece: Genome, rows: np.ndarray, genus: str) -> str:
    """The species of another genus that a contig is of, or nothing; the last row is the genome's nearest."""
    words = kmer_identity(contained(index, piece, rows), index.spec.sketch_k)
    best = int(words.argmax())
    lineage = index.entry(int(rows[best])).lineage if rows[best] >= 0 else None
    if lineage is None or lineage.name("genus") in (None, genus):
        return ""
    if words[best] < FOREIGN_IDENTITY or words[best] - words[-1] < FOREIGN_LEAD:
        return ""
    return lineage.name("species") or str(lineage.name("genus"))
