"""Reliability of whole runs: stated confidence against right calls, for genomes as real samples have them.

    python tests/bench/reliability.py [--asked N] [--seed S] [--kind KIND ...] [--index FOLDER] [SET ...]

Half of a set's genomes, drawn at random, become an index, without a quarter of the species; the others are asked, so
that all questions are real and unseen, and KNOWN_SHARE of them have their species in the index, as calibration takes it.
They are whole, pieces (1 to 90 %, contiguous or in small contigs), mixed with another genus (5 to 50 % of the bases),
with N (5 to 50 %), or with DNA that the index does not know (25 to 95 % of the bases: random, or real of another
kingdom). What is mixed in is of a genome that the index explains: it has a reference of the same species that is as
near as genomes of one species are (a chromosome of a mitogenome in many has none, and is unknown DNA). With --index,
the genomes of the set that this index may have are asked. A call counts where it has a confidence; everything else is
an abstention. A call of a mixture is right if it names the major part (at 50 % either) and tells of the other: as
another species, or as sequence that no reference has. A cell is "off" where stated and right differ by more than 5
points, and bold where the stated confidence is also outside the 95 % interval (Wilson) of the share that is right.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from altered import (
    contiguous,
    first_bases,
    genome_of,
    random_dna,
    sequences,
    small_contigs,
    with_runs_of_n,
    with_scattered_n,
)
from common import GENOMES, machine

from genome_index import pipeline
from genome_index.classify.parts.window_lookup import SPECIES_IDENTITY
from genome_index.classify.search import containments_of, sharers, sketch_of
from genome_index.classify.settings import QuerySettings
from genome_index.evaluate.metrics import wilson
from genome_index.index.calibration.hits import kmer_identity
from genome_index.index.commit import ChangeSettings
from genome_index.index.index import Index
from genome_index.io.reader import iter_genomes
from genome_index.records import RANKS, Call, Genome, Taxon
from genome_index.taxonomy.tables import read_taxonomy

THREADS = 2
SETS = ("bacteria", "virus", "mito")
UNKNOWN_DNA = {"bacteria": "mito", "virus": "mito", "plasmid": "mito", "mito": "bacteria", "dengue": "mito"}
SHARES = {
    "whole": (100,),
    "piece": (1, 3, 10, 25, 50, 90),
    "mixture": (5, 10, 20, 30, 50),
    "n": (5, 10, 20, 38, 50),
    "unknown": (25, 50, 75, 90, 95),
}  # percent of the genome, or of the query's bases
NEAREST = 10  # references by shared k-mers, among which a genome's own species is looked for
LEAST_BP = 150  # of a piece; shorter ones are not asked about
MOST_BP = 30_000_000  # of a query
BINS = (0.0, 0.5, 0.7, 0.85, 0.95, 1.0001)
OFF = 0.05
KNOWN_SHARE = 0.55  # of questions; calibration/samples.py MIXTURE: nothing or the own genome is held out
NEW_SPECIES = 0.25  # of all species, which the index has not
WHOLE = 5  # times as many questions of whole genomes, which have one cell
ABOVE = RANKS[: RANKS.index("species")]
MIXTURE_WORDS = (
    "mixture", "mixed", "another genus", "another species", "other species", "several species",
    "in no reference of this index",
)  # fmt: skip
FEW_MIXED_IN = 30  # names; with fewer that the index explains, its references are mixed in too

Generator = np.random.Generator


@dataclass(frozen=True)
class Source:
    """A genome that questions are made of, and its names."""

    genome: Genome
    taxon: Taxon

    def name(self, rank: str) -> str | None:
        return self.taxon.lineage.name(rank)


@dataclass(frozen=True)
class Question:
    kind: str  # with its style, such as "piece, contigs"
    share: int  # percent
    genome: Genome
    parts: tuple[Source, ...]  # what it may rightly be called; the first is the major part
    is_mixture: bool = False


@dataclass(frozen=True)
class Asked:
    """A question with its call."""

    question: Question
    call: Call

    @property
    def rank(self) -> str:
        """The rank that is called, or empty for an abstention."""
        if self.call.confidence is None or self.call.name is None:
            return ""
        return self.call.rank or "species"

    @property
    def is_silent(self) -> bool:
        """Whether a mixture is not said to be one."""
        text = " ".join((self.call.reason, *self.call.warnings)).lower()
        return self.question.is_mixture and not any(word in text for word in MIXTURE_WORDS)

    @property
    def is_named(self) -> bool:
        return self.call.name in [part.name(self.rank) for part in self.question.parts]

    @property
    def is_right(self) -> bool:
        return self.is_named and not self.is_silent

    @property
    def is_known(self) -> bool:
        """Whether the right name at the called rank is known, so that the call can be judged."""
        return not self.rank or any(part.name(self.rank) for part in self.question.parts)


@dataclass
class Pool:
    """What questions are made of: genomes to ask about, others to mix in, and unknown DNA."""

    known: list[Source]  # whose species the index has
    new: list[Source]  # whose species it has not
    mixed_in: list[Source]  # what mixtures have besides
    foreign: bytes
    random: bytes
    many: int  # questions of a cell
    generator: Generator

    def draws(self) -> Iterator[Source]:
        """Genomes in random order, KNOWN_SHARE of them of a species that the index has, none twice."""
        left = [[some[at] for at in self.generator.permutation(len(some))] for some in (self.known, self.new)]
        while left[0] or left[1]:
            is_known = self.generator.random() < KNOWN_SHARE
            if some := left[0] if is_known else left[1]:
                yield some.pop()
            else:
                return  # the rest would be of one sort


# -- questions -----------------------------------------------------------------------------------------------


def questions(pool: Pool, kinds: Sequence[str]) -> Iterator[Question]:
    """The questions of all cells, `pool.many` each where genomes and lengths allow."""
    for kind in kinds:
        for style, make in MAKERS[kind].items():
            for share in SHARES[kind]:
                made = (make(pool, source, share) for source in pool.draws())
                many = pool.many * (WHOLE if kind == "whole" else 1)
                for genome, parts in islice((one for one in made if one is not None), many):
                    yield Question(
                        f"{kind}, {style}" if style else kind, share, genome, parts, kind == "mixture"
                    )


Made = tuple[Genome, tuple[Source, ...]] | None


def whole(pool: Pool, source: Source, share: int) -> Made:
    return source.genome, (source,)


def piece(scattered: bool, pool: Pool, source: Source, share: int) -> Made:
    contigs = sequences(source.genome)
    wanted = source.genome.length_bp * share // 100
    if wanted < LEAST_BP:
        return None
    cut = (
        first_bases(small_contigs(contigs, pool.generator), wanted)
        if scattered
        else contiguous(contigs, wanted, pool.generator)
    )
    return genome_of(source.genome.id, cut), (source,)


def mixture(small: bool, pool: Pool, source: Source, share: int) -> Made:
    """The whole genome, and so much of another genus that it makes up `share` percent of the bases."""
    wanted = source.genome.length_bp * share // (100 - share)
    able = [
        one
        for one in pool.mixed_in
        if one.genome.length_bp >= wanted and one.name("genus") != source.name("genus")
    ]
    if not able or wanted < LEAST_BP:
        return None
    other = able[int(pool.generator.integers(len(able)))]
    contigs = sequences(other.genome)
    added = (
        first_bases(small_contigs(contigs, pool.generator), wanted)
        if small
        else contiguous(contigs, wanted, pool.generator)
    )
    parts = (source, other) if share == 50 else (source,)
    return genome_of(source.genome.id, [*sequences(source.genome), *added]), parts


def filled(runs: bool, pool: Pool, source: Source, share: int) -> Made:
    fill = with_runs_of_n if runs else with_scattered_n
    return genome_of(source.genome.id, fill(sequences(source.genome), share / 100, pool.generator)), (source,)


def unknown(real: bool, pool: Pool, source: Source, share: int) -> Made:
    """The whole genome, and so much DNA that the index does not know, in small contigs."""
    dna = pool.foreign if real else pool.random
    wanted = source.genome.length_bp * share // (100 - share)
    if wanted > min(len(dna), MOST_BP):
        return None
    start = int(pool.generator.integers(0, len(dna) - wanted + 1))
    added = small_contigs([dna[start : start + wanted]], pool.generator)
    return genome_of(source.genome.id, [*sequences(source.genome), *added]), (source,)


MAKERS: dict[str, dict[str, Callable[[Pool, Source, int], Made]]] = {
    "whole": {"": whole},
    "piece": {"contiguous": partial(piece, False), "contigs": partial(piece, True)},
    "mixture": {"small contigs": partial(mixture, True), "one contig": partial(mixture, False)},
    "n": {"runs": partial(filled, True), "scattered": partial(filled, False)},
    "unknown": {"random": partial(unknown, False), "real": partial(unknown, True)},
}


# -- genomes -------------------------------------------------------------------------------------------------


def sources(name: str) -> Iterator[Source]:
    """The genomes of a set that have a species."""
    taxonomy = read_taxonomy(GENOMES / f"{name}.tsv")
    path = GENOMES / name if (GENOMES / name).is_dir() else GENOMES / f"{name}.fa.gz"
    genomes = iter_genomes([path], "file" if path.is_dir() else "record")
    for genome in genomes:
        taxon = taxonomy.find(genome.id)
        if isinstance(genome, Genome) and taxon is not None and taxon.lineage.name("species"):
            yield Source(genome, taxon)


def foreign_dna(name: str, wanted_bp: int) -> bytes:
    """Real DNA of another kingdom than the set's, contigs one behind the other."""
    found, length = [], 0
    for source in sources(UNKNOWN_DNA[name]):
        found += sequences(source.genome)
        length += source.genome.length_bp
        if length >= wanted_bp:
            break
    return b"".join(found)


def pool_of(
    name: str, most: int, seed: int, many: int, folder: Path, given: Path | None
) -> tuple[Index, Pool]:
    """An index of half of a set, or the given one, and what questions are made of."""
    generator = np.random.default_rng(seed)
    all_sources = list(sources(name))
    drawn = [all_sources[at] for at in generator.permutation(len(all_sources))[:most]]
    references, asked = (drawn, drawn) if given else split(drawn, generator)
    index = Index.open(given) if given else built(references, name, folder)
    there = {one.name("species") for one in references}
    known = [one for one in asked if one.name("species") in there]
    new = [one for one in asked if one.name("species") not in there]
    mixed_in = [one for one in known if is_explained(index, one)]
    if len({one.name("species") for one in mixed_in}) < FEW_MIXED_IN:
        mixed_in += references
    length = min(MOST_BP, 19 * max(one.genome.length_bp for one in asked))
    foreign, random = foreign_dna(name, length), random_dna(length, generator)
    return index, Pool(known, new, mixed_in, foreign, random, many, generator)


def is_explained(index: Index, source: Source) -> bool:
    """Whether a reference of the genome's species is as near to it as genomes of one species are."""
    sketch = sketch_of(index, source.genome)
    rows = sharers(index, sketch, NEAREST)
    own = [row for row in rows.tolist() if row >= 0 and _species_of(index, row) == source.name("species")]
    shares = containments_of(index, sketch, np.array(own, np.int64))
    return bool((kmer_identity(shares, index.spec.sketch_k) >= SPECIES_IDENTITY).any())


def _species_of(index: Index, row: int) -> str | None:
    return index.entry(row).lineage.name("species")


def split(drawn: Sequence[Source], generator: Generator) -> tuple[list[Source], list[Source]]:
    """References and questions: each genome by chance, those of NEW_SPECIES of the species all questions."""
    species = sorted({str(one.name("species")) for one in drawn})
    new = {species[at] for at in generator.permutation(len(species))[: round(NEW_SPECIES * len(species))]}
    references: list[Source] = []
    asked: list[Source] = []
    for one in drawn:
        is_reference = one.name("species") not in new and generator.random() < 0.5
        (references if is_reference else asked).append(one)
    return references, asked


def built(known: Sequence[Source], name: str, folder: Path) -> Index:
    genomes = [one.genome for one in known]
    pipeline.build_index(genomes, folder, GENOMES / f"{name}.tsv", settings=ChangeSettings(threads=THREADS))
    return Index.open(folder)


# -- tables --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reliability:
    """Stated confidence and right calls of some answers."""

    calls: int
    stated: float
    right: int

    @classmethod
    def of(cls, answers: Sequence[Asked]) -> Reliability:
        confidences = [one.call.confidence or 0.0 for one in answers]
        return cls(
            len(answers),
            float(np.mean(confidences)) if answers else 0.0,
            sum(one.is_right for one in answers),
        )

    @property
    def off(self) -> float:
        """Stated less right."""
        return self.stated - self.right / self.calls if self.calls else 0.0

    @property
    def is_sure(self) -> bool:
        """Whether it is off by more than chance explains."""
        ends = wilson(self.right, self.calls)
        return abs(self.off) > OFF and ends is not None and not ends[0] <= self.stated <= ends[1]

    def text(self) -> str:
        if not self.calls:
            return "0 | | |"
        off = f"{100 * self.off:+.0f}"
        return f"{self.calls} | {self.stated:.2f} | {self.right / self.calls:.2f} | {f'**{off}**' if self.is_sure else off}"


def line(name: str, kind: str, share: str, answers: Sequence[Asked]) -> str:
    """One row of the table of cells."""
    species = Reliability.of([one for one in answers if one.rank == "species"])
    above = Reliability.of([one for one in answers if one.rank in ABOVE])
    silent = sum(one.is_silent and bool(one.rank) for one in answers)
    abstained = Counter(one.call.verdict for one in answers if not one.rank)
    told = ", ".join(f"{count} {verdict}" for verdict, count in abstained.most_common())
    return f"| {name} | {kind} | {share} | {len(answers)} | {species.text()} | {above.text()} | {silent or ''} | {told} |"


HEAD = (
    "| set | kind | % | asked | species | stated | right | off | above | stated | right | off | silent | abstained |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def cells(name: str, answers: Sequence[Asked]) -> Iterator[str]:
    """A row for each kind and share, and one for all shares of a kind."""
    for kind in dict.fromkeys(one.question.kind for one in answers):
        own = [one for one in answers if one.question.kind == kind]
        shares = list(dict.fromkeys(one.question.share for one in own))
        for share in shares:
            yield line(name, kind, str(share), [one for one in own if one.question.share == share])
        if len(shares) > 1:
            yield line(name, kind, "all", own)


def bins(name: str, answers: Sequence[Asked]) -> Iterator[str]:
    """A row for each kind, and one for all: stated and right by bins of confidence."""
    kinds = list(dict.fromkeys(one.question.kind.split(",")[0] for one in answers))
    for kind in [*kinds, "all"]:
        own = [one for one in answers if one.rank and kind in ("all", one.question.kind.split(",")[0])]
        found = [
            Reliability.of([one for one in own if low <= (one.call.confidence or 0) < high])
            for low, high in zip(BINS[:-1], BINS[1:], strict=True)
        ]
        texts = [
            f"{one.stated:.2f} / {one.right / one.calls:.2f} ({one.calls})" if one.calls else ""
            for one in found
        ]
        texts = [f"**{text}**" if one.is_sure else text for text, one in zip(texts, found, strict=True)]
        yield f"| {name} | {kind} | {' | '.join(texts)} |"


def bins_head() -> str:
    names = [f"{low:g} to {min(high, 1):g}" for low, high in zip(BINS[:-1], BINS[1:], strict=True)]
    return f"| set | kind | {' | '.join(names)} |\n|{'---|' * (len(names) + 2)}"


# -- run -----------------------------------------------------------------------------------------------------


def ask(index: Index, pool: Pool, kinds: Sequence[str]) -> list[Asked]:
    """The calls of all questions, by the same path as `gindex query`."""
    found: list[Asked] = []
    kept: list[Question] = []

    def genomes() -> Iterator[Genome]:
        for question in questions(pool, kinds):
            kept.append(question)
            yield question.genome

    batch: list[Genome] = []
    for genome in genomes():
        batch.append(genome)
        if sum(one.length_bp for one in batch) > MOST_BP or len(batch) == 64:
            found += _asked(index, kept, batch)
            kept, batch = [], []
    return found + _asked(index, kept, batch)


def _asked(index: Index, asked: Sequence[Question], genomes: Sequence[Genome]) -> list[Asked]:
    calls = pipeline.query_index(index, genomes, settings=QuerySettings(threads=THREADS)) if genomes else ()
    return [Asked(question, call) for question, call in zip(asked, calls, strict=True)]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--asked", type=int, default=12, help="questions of each cell")
    parser.add_argument("--most", type=int, default=2_000, help="genomes of a set, half of them in the index")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kind", action="append", choices=list(SHARES))
    parser.add_argument(
        "--index", type=Path, help="an index of the set, instead of one of half of its genomes"
    )
    parser.add_argument("sets", nargs="*", default=list(SETS))
    return parser.parse_args()


def main() -> None:
    wanted = parsed()
    table, binned = [HEAD], [bins_head()]
    with tempfile.TemporaryDirectory() as made:
        for name in wanted.sets:
            start = time.monotonic()
            index, pool = pool_of(
                name, wanted.most, wanted.seed, wanted.asked, Path(made) / name, wanted.index
            )
            answers = [one for one in ask(index, pool, wanted.kind or list(SHARES)) if one.is_known]
            table += cells(name, answers)
            binned += bins(name, answers)
            print(
                f"{name}: {len(answers)} questions, {time.monotonic() - start:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    print(f"{machine()}: reliability.py {' '.join(sys.argv[1:])}\n")
    print("\n".join([*table, "", *binned]))


if __name__ == "__main__":
    main()
