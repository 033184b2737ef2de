"""Wrong labels, chimeras and foreign contigs planted into real genomes, for tests of the audits."""

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

PARTS = (0.2, 0.5)  # shares of a chimera from another genus
LENGTH_RATIO = 3.0  # of the two genomes of a chimera, at most
CONTIG_BP = (10_000, 60_000)  # lengths of foreign contigs
DIVERGENCE = 0.02  # share of bases in which foreign contigs differ from the nearest genome of the index
KINDS = ("label", "mixture", "contigs")
LIKE = ("two genera", "species", "genus")  # how the two carriers of one contaminant are related


@dataclass(frozen=True)
class Planted:
    genomes: list[Genome]
    mislabelled: set[str]
    chimeras: dict[str, str]  # id -> id of the source of the foreign part
    contaminated: dict[str, str] = field(default_factory=dict)  # id -> id of the source of foreign contigs


def with_names(genomes: Iterable[Genome], taxonomy: Path) -> list[Genome]:
    """Genomes with the names of a taxonomy."""
    known = read_taxonomy(taxonomy)
    return [replace(genome, taxon=known.find(genome.id) or genome.taxon) for genome in genomes]


def read_all(path: Path, taxonomy: Path, per: GenomePer = "file") -> list[Genome]:
    """Genomes with their names; nearly all must be readable and named."""
    inputs = list(iter_genomes([path], per))
    genomes = with_names([each for each in inputs if isinstance(each, Genome)], taxonomy)
    assert sum(bool(genome.taxon.lineage.names) for genome in genomes) > 0.9 * len(inputs) > 0
    return genomes


def some_genera(genomes: Sequence[Genome], genera: int, most: int) -> list[Genome]:
    """The genomes of the largest genera, at most `most` of each."""
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
    """Kind of suspect -> ids."""
    ids: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for suspect in index.catalog.suspects() or ():
        ids.setdefault(suspect.kind, set()).add(suspect.id)
    return ids


def plant(genomes: Sequence[Genome], labels: int, chimeras: int, seed: int) -> Planted:
    """Genomes with wrong labels and chimeras; every genus keeps two correctly labelled genomes."""
    draw = random.Random(seed)
    named = [genome for genome in genomes if _genus(genome) and genome.taxon.lineage.name("species")]
    wrong = _wrong_labels(named, labels, draw)
    mixed, sources = _chimeras([genome for genome in named if genome.id not in wrong], chimeras, draw)
    changed = []
    for genome in genomes:
        genome = mixed.get(genome.id, genome)
        changed.append(replace(genome, taxon=wrong[genome.id]) if genome.id in wrong else genome)
    return Planted(changed, set(wrong), sources)


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
            if other.id not in mixed and 1 / LENGTH_RATIO < other.length_bp / genome.length_bp < LENGTH_RATIO:
                break
        mixed[genome.id], sources[genome.id] = _spliced(genome, other, draw), other.id
    return mixed, sources


def _spliced(genome: Genome, other: Genome, draw: random.Random) -> Genome:
    """One contig: a stretch of the genome replaced by a stretch of the other of the same length."""
    own, theirs = (b"".join(contig.sequence for contig in each.contigs) for each in (genome, other))
    length = min(int(draw.uniform(*PARTS) * len(own)), len(theirs))
    at, start = draw.randrange(len(own) - length + 1), draw.randrange(len(theirs) - length + 1)
    sequence = own[:at] + theirs[start : start + length] + own[at + length :]
    return Genome(genome.id, (Contig(genome.contigs[0].name, sequence),), genome.source, genome.taxon)


def contaminated(genomes: Sequence[Genome], count: int, seed: int) -> Planted:
    """The genomes, some of them with contigs of another genus, a fifth to a half of their bases."""
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


def twice_contaminated(genomes: Sequence[Genome], pairs: int, seed: int) -> Planted:
    """The genomes, of which two at a time have the same contigs of a third genus, a fifth to a third of each.

    The carriers are of one species, of one genus or of two, in turn; a genome is source or carrier only once.
    """
    draw = random.Random(seed)
    named = [genome for genome in genomes if _genus(genome) and genome.taxon.lineage.name("species")]
    used: set[str] = set()
    mixed: dict[str, Genome] = {}
    sources: dict[str, str] = {}
    for number in range(pairs):
        source, *carriers = _source_and_carriers(named, used, LIKE[number % len(LIKE)], draw)
        wanted = int(min(genome.length_bp for genome in (source, *carriers)) * draw.uniform(0.25, 0.4))
        contigs = tuple(_contigs_of(source, wanted, draw))
        for genome in carriers:
            mixed[genome.id] = replace(genome, contigs=(*genome.contigs, *contigs))
            sources[genome.id] = source.id
        used |= {source.id, *(genome.id for genome in carriers)}
    return Planted([mixed.get(genome.id, genome) for genome in genomes], set(), {}, sources)


def _source_and_carriers(
    named: Sequence[Genome], used: set[str], like: str, draw: random.Random
) -> tuple[Genome, Genome, Genome]:
    """A source, and two carriers of another genus whose names are alike down to a rank, or of two genera."""
    while True:
        source, one, other = draw.sample([genome for genome in named if genome.id not in used], 3)
        genera = {_genus(source), _genus(one), _genus(other)}
        names = [genome.taxon.lineage.name("species") for genome in (one, other)]
        found = "two genera" if len(genera) == 3 else "species" if names[0] == names[1] else "genus"
        if _genus(source) not in (_genus(one), _genus(other)) and found == like:
            return source, one, other


def _contigs_of(genome: Genome, length_bp: int, draw: random.Random) -> Iterator[Contig]:
    """A stretch of a genome as contigs of a relative, on either strand."""
    whole = b"".join(contig.sequence for contig in genome.contigs)
    at = draw.randrange(len(whole) - length_bp + 1)
    end = at + length_bp
    while at < end:
        size = min(draw.randrange(*CONTIG_BP), end - at)
        part = mutated(whole[at : at + size].upper(), DIVERGENCE, draw.randrange(2**32))
        yield Contig(f"foreign_{at}", reverse_complement(part) if draw.random() < 0.5 else part)
        at += size


def _of_another_genus(genome: Genome, pool: Sequence[Genome], draw: random.Random) -> Genome:
    while _genus(other := draw.choice(pool)) == _genus(genome):
        pass
    return other


def _genus(genome: Genome) -> str:
    """The genus, if its name stands for a taxon, as "Candidatus" does not; else empty."""
    name = genome.taxon.lineage.name("genus") or ""
    return name if usable_name("genus", name) else ""
