"""Contamination: the part of a genome whose contigs belong to another genus than its closest reference.

A contig is foreign if it shares far more k-mers with a reference of another genus than with the genome's
closest one. Contigs that are short, or of a genus that the index does not have, are not counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from genome_index.classify import reasons
from genome_index.classify.search import containments, embed
from genome_index.index.audit.foreign_contigs import (
    FOREIGN_IDENTITY,
    FOREIGN_LEAD,
    LEAST_CONTIG_BP,
    WARN_SHARE,
)
from genome_index.index.calibration.hits import kmer_identity
from genome_index.index.index import Index
from genome_index.records import Call, Genome

MOST_CONTIGS = 40  # the largest are searched; the others are a small part of any assembly that can be called
NEIGHBOURS = 20  # of each contig
FAIL_SHARE = 0.20  # of the bases searched; from here on a query is no genome of one genus


@dataclass(frozen=True)
class Foreign:
    """The foreign part of a genome."""

    share: float  # of the bases in the contigs searched
    source: str  # the species to which most of it is nearest


def foreign_part(index: Index, genome: Genome, closest_row: int) -> Foreign | None:
    """The foreign part of a genome; None if there is none, or it has fewer than two contigs to search."""
    genus = index.entry(closest_row).lineage.name("genus")
    contigs = _contigs_to_search(genome)
    if len(contigs) < 2 or genus is None:
        return None
    _, rows = index.model.vectors.search(embed(index, contigs), NEIGHBOURS, index.model.live)
    index.prefetch(np.unique(rows).tolist())
    sources: Counter[str] = Counter()
    for contig, near in zip(contigs, rows, strict=True):
        if source := _foreign_source(index, contig, np.append(near, closest_row), genus):
            sources[source] += contig.length_bp
    if not sources:
        return None
    share = sources.total() / sum(contig.length_bp for contig in contigs)
    return Foreign(share, sources.most_common(1)[0][0])


def _contigs_to_search(genome: Genome) -> list[Genome]:
    """The largest contigs, each as a genome of its own."""
    contigs = [contig for contig in genome.contigs if len(contig.sequence) >= LEAST_CONTIG_BP]
    largest = sorted(contigs, key=lambda contig: -len(contig.sequence))[:MOST_CONTIGS]
    return [Genome(contig.name, (contig,), genome.source) for contig in largest]


def _foreign_source(index: Index, contig: Genome, rows: np.ndarray, genus: str) -> str:
    """The species, or else the genus, of a foreign contig; empty if it is not foreign.

    The last of `rows` is the genome's closest reference.
    """
    identity = kmer_identity(containments(index, contig, rows), index.spec.sketch_k)
    best = int(identity.argmax())
    if rows[best] < 0:
        return ""
    lineage = index.entry(int(rows[best])).lineage
    if lineage.name("genus") in (None, genus):
        return ""
    if identity[best] < FOREIGN_IDENTITY or identity[best] - identity[-1] < FOREIGN_LEAD:
        return ""
    return lineage.name("species") or str(lineage.name("genus"))


def with_foreign_part(call: Call, foreign: Foreign | None) -> Call:
    """The same call, with a warning about the foreign part, or refused as a mixture."""
    if foreign is None or foreign.share < WARN_SHARE:
        return call
    if foreign.share < FAIL_SHARE:
        warning = reasons.foreign_part(foreign.share, foreign.source)
        return replace(call, warnings=(*call.warnings, warning))
    reason = reasons.mixture(foreign.share, foreign.source, FAIL_SHARE, call.reason)
    return replace(call, verdict="qc_fail", rank=None, name=None, confidence=None, reason=reason)
