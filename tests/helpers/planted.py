"""Wrong labels, chimeras and foreign contigs planted into real genomes, to see whether they are found."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from genome_index import Contig, Genome, Index, IndexSpec
from genome_index.index.build import build
from genome_index.index.commit import ChangeSettings
from genome_index.io.reader import iter_genomes
from genome_index.io.sequence import reverse_complement
from genome_index.records import Taxon
from genome_index.taxonomy.input_plan import GenomePer
from genome_index.taxonomy.names import usable_name
from genome_index.taxonomy.tables import read_taxonomy
from helpers.simulated import mutated

PARTS = (0.2, 0.5)  # of a chimera, that come from another genus
ALIKE = 3.0  # times as long, at most: one genome of a chimera and the other
CONTIG_BP = (10_000, 60_000)  # of those that come from another genus
APART = 0.02  # share of their letters that differ from the genome of the index they are nearest to
KINDS = ("label", "mixture", "contigs")


@dataclass(frozen=True)
class Planted:
    genomes: list[Genome]
    mislabelled: set[str]
    chimeras: dict[str, str]  # id -> id of the genome a part comes from
    contaminated: dict[str, str] = field(default_factory=dict)  # id -> that of the genome some contigs are of


def with_names(genomes: Iterable[Genome], taxonomy: Path) -> list[Genome]:
    """Genomes with the names that a taxonomy gives them."""
    known = read_taxonomy(taxonomy)
    return [replace(one, taxon=known.find(one.id) or one.taxon) for one in genomes]


def read_all(path: Path, taxonomy: Path, per: GenomePer = "file") -> list[Genome]:
    """Genomes with their names; nearly all can be read, and have some."""
    read = list(iter_genomes([path], per))
    named = with_names([one for one in read if isinstance(one, Genome)], taxonomy)
    assert sum(bool(one.taxon.lineage.names) for one in named) > 0.9 * len(read) > 0
    return named


def some_genera(genomes: Sequence[Genome], genera: int, most: int) -> list[Genome]:
    """The genomes of the largest genera, at most so many of each."""
    members: dict[str, list[Genome]] = defaultdict(list)
    for genome in genomes:
        if _genus(genome) and genome.taxon.lineage.name("species"):
            members[_genus(genome)].append(genome)
    largest = sorted(members, key=lambda genus: (-len(members[genus]), genus))[:genera]
    return [genome for genus in largest for genome in members[genus][:most]]


def built(genomes: list[Genome], path: Path) -> Index:
    summary = build(path, genomes, IndexSpec(), None, ChangeSettings(threads=2))
    assert not summary.failures
    return summary.index


def suspects(index: Index) -> dict[str, set[str]]:
    """Kind of suspicion -> ids."""
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for one in index.catalog.suspects() or ():
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


def contaminated(genomes: Sequence[Genome], count: int, seed: int) -> Planted:
    """Some genomes with contigs of another genus, a fifth to a half of all their bases."""
    draw = random.Random(seed)
    named = [genome for genome in genomes if _genus(genome) and genome.taxon.lineage.name("species")]
    mixed: dict[str, Genome] = {}
    sources: dict[str, str] = {}
    for genome in draw.sample(named, count):
        share = draw.uniform(*PARTS)
        wanted = int(genome.length_bp * share / (1 - share))
        while (other := _of_another_genus(genome, named, draw)).length_bp < wanted or other.id in mixed:
            share = draw.uniform(*PARTS)
            wanted = int(genome.length_bp * share / (1 - share))
        contigs = (*genome.contigs, *_contigs_of(other, wanted, draw))
        mixed[genome.id], sources[genome.id] = replace(genome, contigs=contigs), other.id
    return Planted([mixed.get(genome.id, genome) for genome in genomes], set(), {}, sources)


def _contigs_of(genome: Genome, length_bp: int, draw: random.Random) -> Iterator[Contig]:
    """A stretch of a genome as contigs, as a relative of it might have them, on either strand."""
    whole = b"".join(contig.sequence for contig in genome.contigs)
    at = draw.randrange(len(whole) - length_bp + 1)
    end = at + length_bp
    while at < end:
        size = min(draw.randrange(*CONTIG_BP), end - at)
        part = mutated(whole[at : at + size].upper(), APART, draw.randrange(2**32))
        yield Contig(f"foreign_{at}", reverse_complement(part) if draw.random() < 0.5 else part)
        at += size


def _of_another_genus(genome: Genome, pool: Sequence[Genome], draw: random.Random) -> Genome:
    while _genus(other := draw.choice(pool)) == _genus(genome):
        pass
    return other


def _genus(genome: Genome) -> str:
    """Its genus, where that is a name: "Candidatus" and the like say nothing, so they are no wrong label."""
    name = genome.taxon.lineage.name("genus") or ""
    return name if usable_name("genus", name) else ""
