"""Parts of a Call that come from the catalogue of the index: its hits, lineage and labels."""

from __future__ import annotations

from collections.abc import Mapping

from genome_index.classify.elected_names import Name
from genome_index.classify.measured import why_no_ani
from genome_index.index.calibration.hits import Hits
from genome_index.index.calibration.model import Model
from genome_index.index.index import Index
from genome_index.records import RANKS, Evidence, Hit, Lineage


def hit_at(index: Index, hits: Hits, query: int, at: int, not_measured: str = "") -> Hit:
    """One hit of a query with its names; `not_measured` says why no hit has an ANI, if none has."""
    why = not_measured or why_no_ani(index.model, hits, query, at)
    entry = index.entry(int(hits.rows[query, at]))
    ani, af_query, af_reference = (
        float(table[query, at]) for table in (hits.ani, hits.af_query, hits.af_reference)
    )
    evidence = Evidence(reason=why) if why else Evidence(ani, af_query, af_reference)
    return Hit(
        id=entry.id,
        lineage=entry.lineage,
        labels=entry.taxon.labels,
        similarity=float(hits.similarity[query, at]),
        kmer_identity=float(hits.kmer_identity[query, at]),
        evidence=evidence,
    )


def lineage_to(rank: str | None, closest: Hit | None) -> Lineage:
    """The lineage of the closest hit down to the called rank; empty if no rank is called."""
    if rank not in RANKS or closest is None:
        return Lineage()
    called = RANKS[: RANKS.index(rank) + 1]
    return Lineage({known: name for known, name in closest.lineage.names.items() if known in called})


def called_labels(model: Model, names: Mapping[str, Name]) -> dict[str, tuple[str, float]]:
    """Labels that are no rank, such as a subtype, each with the elected value and its probability."""
    return {
        level: (model.levels[level].names[name.code], name.probability)
        for level, name in names.items()
        if level not in RANKS and name.is_called()
    }
