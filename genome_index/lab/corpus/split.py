"""Split of a corpus into train, validation and test by cluster: no genome has a relative in another part.

A species name, identical sequences and near relatives connect genomes to clusters. The seed alone decides the
order of clusters; they go to test, then to validation, as long as they fit into the share of that part. The
rest, with the large clusters, is for training.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from genome_index.errors import InputError, UsageError, did_you_mean
from genome_index.io import tsv
from genome_index.io.atomic import write_file
from genome_index.lab.corpus.relatives import Rows, root_of

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = get_args(Part)
HEADER = "genome_id\tpart\tcluster\tsha256"


@dataclass(frozen=True)
class SplitPlan:
    """The settings of a split."""

    seed: int = 0
    test: float = 0.20  # share of genomes
    validation: float = 0.05  # share of genomes
    hold_out: tuple[str, ...] = ()  # collections that are test as a whole, with all their relatives
    shared_genera: bool = False  # each genus in test has another species in train

    def __post_init__(self) -> None:
        for option, share in (("--test-share", self.test), ("--validation-share", self.validation)):
            if not 0 <= share < 1:
                raise UsageError(f"{option} {share:g}: give a share from 0 up to, but not including, 1")
        if self.test + self.validation >= 1:
            raise UsageError(
                f"--test-share {self.test:g} and --validation-share {self.validation:g} leave nothing to "
                "train on; give shares that sum up to less than 1"
            )
        if not 0 <= self.seed < 2**64:
            raise UsageError(f"--seed {self.seed}: give a number from 0 to 2 ** 64 - 1")


@dataclass(frozen=True)
class Subject:
    """The properties of a genome that decide its part."""

    id: str
    digest: str  # sha256 of its canonical sequence
    collection: str
    species: tuple[str, ...]  # usable names, including those of identical genomes that were left out
    genera: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """Part, cluster and sha256 of the canonical sequence of each genome, by id."""

    parts: Mapping[str, Part]
    clusters: Mapping[str, int]
    digests: Mapping[str, str]

    def part_of(self, genome_id: str) -> Part:
        """The part of a genome; UsageError if the corpus does not have it."""
        if genome_id not in self.parts:
            cure = did_you_mean(genome_id, self.parts, "only its own genomes have a part")
            raise UsageError(f"{genome_id}: not in this split of {len(self.parts):,} genomes; {cure}")
        return self.parts[genome_id]

    def of_part(self, part: Part) -> list[str]:
        return [genome_id for genome_id, own in self.parts.items() if own == part]

    def write(self, path: Path) -> None:
        rows = tsv.rows((id, part, self.clusters[id], self.digests[id]) for id, part in self.parts.items())
        write_file(path, "".join((f"{HEADER}\n", *rows)).encode())

    @classmethod
    def read(cls, path: Path) -> Split:
        """Read a split from its table; InputError if the file is none."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                str(path), f"the split cannot be read ({error}); build the corpus again"
            ) from error
        rows = [tsv.cells_of(line) for line in lines[1:]]
        wrong = any(len(row) != 4 or row[1] not in PARTS or not row[2].isdecimal() for row in rows)
        if lines[:1] != [HEADER] or wrong:
            raise InputError(str(path), f"not a split: a table of {HEADER.split()}; build the corpus again")
        parts: dict[str, Part] = {row[0]: part for row in rows for part in PARTS if row[1] == part}
        return cls(parts, {row[0]: int(row[2]) for row in rows}, {row[0]: row[3] for row in rows})


def make_split(subjects: Sequence[Subject], groups: Rows, plan: SplitPlan) -> Split:
    """Split genomes; equal numbers in `groups`, (N,), are relatives.

    Raises
    ------
    UsageError : a collection to hold out has no genome
    """
    clusters = _clusters(subjects, groups)
    held = _held_out(subjects, plan.hold_out)
    members: dict[int, list[int]] = {}
    for at, cluster in enumerate(clusters):
        members.setdefault(cluster, []).append(at)
    parts: dict[int, Part] = {number: "test" for number, own in members.items() if not held.isdisjoint(own)}
    free = [number for number in members if number not in parts]
    free.sort(key=lambda number: _order_key(plan.seed, min(subjects[at].id for at in members[number])))
    genera = {number: {genus for at in members[number] for genus in subjects[at].genera} for number in free}
    left = Counter(genus for number in free for genus in genera[number])
    shares: tuple[tuple[Part, float], ...] = (("test", plan.test), ("validation", plan.validation))
    for part, share in shares:
        room = round(share * len(subjects)) - sum(len(members[n]) for n, own in parts.items() if own == part)
        for number in free:
            spare = genera[number] and all(left[genus] > 1 for genus in genera[number])
            if number in parts or len(members[number]) > room or (plan.shared_genera and not spare):
                continue
            parts[number] = part
            left.subtract(genera[number])
            room -= len(members[number])
    by_id: dict[str, Part] = {
        one.id: parts.get(cluster, "train") for one, cluster in zip(subjects, clusters, strict=True)
    }
    return Split(
        by_id, {one.id: cluster for one, cluster in zip(subjects, clusters, strict=True)},
        {one.id: one.digest for one in subjects},
    )  # fmt: skip


def _clusters(subjects: Sequence[Subject], groups: Rows) -> list[int]:
    """Numbers from 0, in the order in which clusters begin."""
    parents = groups.copy()
    first: dict[str, int] = {}
    for at, one in enumerate(subjects):
        # A digest is no name of a species, so both can be keys of one table.
        for key in (*one.species, one.digest):
            a, b = root_of(parents, at), root_of(parents, first.setdefault(key, at))
            parents[max(a, b)] = min(a, b)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root_of(parents, at), len(numbers)) for at in range(len(subjects))]


def _held_out(subjects: Sequence[Subject], collections: Iterable[str]) -> set[int]:
    require_collections(collections, {one.collection for one in subjects})
    wanted = set(collections)
    return {at for at, one in enumerate(subjects) if one.collection in wanted}


def require_collections(names: Iterable[str], known: set[str], option: str = "--hold-out") -> None:
    """Raise UsageError if an option names an unknown collection."""
    for name in names:
        if name not in known:
            cure = did_you_mean(name, known, f"there are: {', '.join(sorted(known))}")
            raise UsageError(f"{option} {name}: no genome is of that collection; {cure}")


def _order_key(seed: int, name: str) -> str:
    """A random order of clusters that does not depend on the order of genomes."""
    return hashlib.sha256(f"{seed}\t{name}".encode()).hexdigest()
