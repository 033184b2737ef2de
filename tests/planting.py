"""Wrong labels and chimeras planted into real genomes, seeded, to see whether an audit finds them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genome_index import Contig, Genome, Index, IndexSpec, Work
from genome_index.audit import audit
from genome_index.changes import build
from genome_index.kept import kept_hits, live_rows
from genome_index.records import Taxon
from genome_index.taxonomy import read_taxonomy

PARTS = (0.2, 0.5)  # of a chimera, that come from another genus
ALIKE = 3.0  # times as long, at most: one genome of a chimera and the other


@dataclass(frozen=True)
class Planted:
    genomes: list[Genome]
    mislabelled: set[str]
    chimeras: dict[str, str]  # id -> id of the genome a part comes from


def with_names(genomes: Iterable[Genome], taxonomy: Path) -> list[Genome]:
    """Genomes with the names that a taxonomy gives them."""
    known = read_taxonomy(taxonomy)
    return [replace(one, taxon=known.find(one.id) or one.taxon) for one in genomes]


def built(genomes: list[Genome], path: Path) -> Index:
    summary = build(path, genomes, IndexSpec(), None, Work(threads=2))
    assert not summary.failures
    return summary.index


def suspects(index: Index) -> dict[str, set[str]]:
    """Kind of suspicion -> ids."""
    rows = live_rows(index)
    found: dict[str, set[str]] = {"label": set(), "mixture": set()}
    for one in audit(index, rows, kept_hits(index, rows)).suspects:
        found.setdefault(one.kind, set()).add(one.id)
    return found


def plant(genomes: Sequence[Genome], labels: int, chimeras: int, seed: int) -> Planted:
    """Genomes carry their names; a label is taken only where two true fellows of its genus remain."""
    draw = random.Random(seed)
    named = [genome for genome in genomes if _genus(genome) and genome.taxon.lineage.name("species")]
    wrong = _wrong_labels(named, labels, draw)
    mixed, sources = _chimeras([one for one in named if one.id not in wrong], chimeras, draw)
    found = []
    for genome in genomes:
        genome = mixed.get(genome.id, genome)
        found.append(replace(genome, taxon=wrong[genome.id]) if genome.id in wrong else genome)
    return Planted(found, set(wrong), sources)


def _wrong_labels(named: Sequence[Genome], count: int, draw: random.Random) -> dict[str, Taxon]:
    left: dict[str, int] = defaultdict(int)
    for genome in named:
        left[_genus(genome)] += 1
    wrong: dict[str, Taxon] = {}
    for genome in draw.sample(named, len(named)):
        if len(wrong) < count and left[_genus(genome)] > 2:
            left[_genus(genome)] -= 1
            wrong[genome.id] = _of_another_genus(genome, named, draw).taxon
    assert len(wrong) == count
    return wrong


def _chimeras(
    pool: Sequence[Genome], count: int, draw: random.Random
) -> tuple[dict[str, Genome], dict[str, str]]:
    mixed: dict[str, Genome] = {}
    sources: dict[str, str] = {}
    for genome in draw.sample(pool, count):
        while True:
            other = _of_another_genus(genome, pool, draw)
            if other.id not in mixed and 1 / ALIKE < other.length_bp / genome.length_bp < ALIKE:
                break
        mixed[genome.id], sources[genome.id] = _spliced(genome, other, draw), other.id
    return mixed, sources


def _spliced(genome: Genome, other: Genome, draw: random.Random) -> Genome:
    """One contig: a stretch of the genome replaced by one of the other, as long."""
    own, theirs = (b"".join(contig.sequence for contig in one.contigs) for one in (genome, other))
    length = min(int(draw.uniform(*PARTS) * len(own)), len(theirs))
    at, start = draw.randrange(len(own) - length + 1), draw.randrange(len(theirs) - length + 1)
    sequence = own[:at] + theirs[start : start + length] + own[at + length :]
    return Genome(genome.id, (Contig(genome.contigs[0].name, sequence),), genome.source, genome.taxon)


def _of_another_genus(genome: Genome, pool: Sequence[Genome], draw: random.Random) -> Genome:
    while _genus(other := draw.choice(pool)) == _genus(genome):
        pass
    return other


def _genus(genome: Genome) -> str:
    return genome.taxon.lineage.name("genus") or ""
