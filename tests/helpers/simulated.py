"""Simulated genomes of species and genera, and checks of an index built from them.

As a program it is a reader: it opens an index and queries it repeatedly, until a file tells it to stop.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from genome_index import (
    ChangeSettings,
    ChangeSummary,
    Contig,
    Genome,
    Index,
    IndexSpec,
    Lineage,
    QuerySettings,
    query_index,
)
from genome_index.index.build import build
from genome_index.index.store.pair_table import rows_of
from genome_index.index.store.skani import measure
from genome_index.records import RANKS, Taxon
from genome_index.report.calls import call_json
from genome_index.taxonomy.lookup import Taxonomy

BASES = np.frombuffer(b"ACGT", np.uint8)
LENGTH_BP = 2_500
DIVERGENCE = {"genus": 0.25, "species": 0.10, "genome": 0.01}  # share of bases changed from the ancestor
HEADER = ("genome_id", *RANKS[: RANKS.index("species") + 1])


def mutated(sequence: bytes, share: float, seed: int) -> bytes:
    """The sequence with about this share of its bases changed to others."""
    rng = np.random.default_rng(seed)
    bases = np.frombuffer(sequence, np.uint8).copy()
    at = np.flatnonzero(rng.random(len(bases)) < share)
    bases[at] = BASES[(np.searchsorted(BASES, bases[at]) + rng.integers(1, 4, len(at))) % 4]
    return bases.tobytes()


def random_dna(seed: int, length_bp: int = LENGTH_BP) -> bytes:
    return BASES[np.random.default_rng(seed).integers(0, 4, length_bp)].tobytes()


@dataclass(frozen=True)
class Collection:
    """Genomes by id, and the names of each."""

    sequences: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, dict[str, str]] = field(default_factory=dict)  # id -> rank -> name

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def ids(self) -> list[str]:
        return list(self.sequences)

    def only(self, ids: Iterable[str]) -> Collection:
        chosen = list(ids)
        return Collection(
            {id_: self.sequences[id_] for id_ in chosen}, {id_: self.names[id_] for id_ in chosen}
        )

    def genomes(self) -> list[Genome]:
        return [genome(id_, sequence) for id_, sequence in self.sequences.items()]

    @property
    def taxonomy(self) -> Taxonomy:
        return Taxonomy({id_: Taxon(Lineage(names)) for id_, names in self.names.items()}, "made up")

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """One FASTA of all genomes and the table of their names."""
        fasta, table = folder / f"{name}.fasta", folder / f"{name}.tsv"
        fasta.write_bytes(b"".join(b">%s\n%s\n" % (id_.encode(), dna) for id_, dna in self.sequences.items()))
        rows = [[id_, *(names.get(rank, "") for rank in HEADER[1:])] for id_, names in self.names.items()]
        table.write_text("".join("\t".join(row) + "\n" for row in [list(HEADER), *rows]))
        return fasta, table


def genome(genome_id: str, sequence: bytes) -> Genome:
    return Genome(genome_id, (Contig(genome_id, sequence),), "made up")


def collection(genera: int, species: int, genomes: int, seed: int = 1, prefix: str = "") -> Collection:
    """Families of two genera. Genomes of a species have an ANI of about 98, those of a genus of about 86."""
    made = Collection()
    for genus in range(genera):
        family = random_dna(seed * 1_000_003 + genus // 2)
        ancestor = mutated(family, DIVERGENCE["genus"], seed * 1_000_033 + genus)
        for kind in range(species):
            founder = mutated(ancestor, DIVERGENCE["species"], seed * 1_000_037 + genus * 100 + kind)
            for number in range(genomes):
                genome_id = f"{prefix}g{genus:02d}s{kind}n{number}"
                made.sequences[genome_id] = mutated(
                    founder, DIVERGENCE["genome"], seed * 1_000_039 + genus * 10_000 + kind * 100 + number
                )
                made.names[genome_id] = {
                    "superkingdom": "Viruses",
                    "family": f"{prefix}F{genus // 2}viridae",
                    "genus": f"{prefix}G{genus:02d}virus",
                    "species": f"{prefix}G{genus:02d}virus sp{kind}",
                }
    return made


def relatives(known: Collection, every: int, share: float = 0.01, seed: int = 99) -> list[Genome]:
    """Queries: a relative of one in `every` genomes of a collection, and an unrelated genome at the end."""
    chosen = known.ids[::every]
    near = [
        genome(f"like_{id_}", mutated(known.sequences[id_], share, seed + i)) for i, id_ in enumerate(chosen)
    ]
    return [*near, genome("stranger", random_dna(seed))]


def built(path: Path, known: Collection, labelled: bool = True, **settings: Any) -> ChangeSummary:
    """An index of a collection; `settings` are those of IndexSpec."""
    taxonomy = known.taxonomy if labelled else None
    return build(path, known.genomes(), IndexSpec(**settings), taxonomy, ChangeSettings())


def answers(index: Index | Path, queries: Sequence[Genome], threads: int = 1) -> list[dict[str, Any]]:
    """The calls as JSON without provenance, which differs between snapshots of the same content."""
    return [
        {key: value for key, value in call_json(call, {}).items() if key != "provenance"}
        for call in query_index(index, queries, settings=QuerySettings(threads=threads))
    ]


def species_of(index: Index | Path, queries: Sequence[Genome]) -> list[tuple[str, str | None]]:
    """Verdict and name of each query."""
    return [(call.verdict, call.name) for call in query_index(index, queries)]


def shown_ids(index: Index | Path, queries: Sequence[Genome]) -> set[str]:
    """Every id in the calls with up to 50 hits."""
    calls = query_index(index, queries, settings=QuerySettings(k=50))
    return {hit.id for call in calls for hit in (*call.hits, call.closest, call.runner_up) if hit is not None}


def assert_pairs_are_sound(index: Index, most: int = 40) -> None:
    """Measured pairs are of genomes of the index, each once, and equal a new measurement."""
    keys, values = index.pairs().keys, index.pairs().values
    assert len(keys) > 0
    assert (np.diff(keys) > 0).all()
    lesser, greater = rows_of(keys)
    assert (lesser < greater).all()
    assert set(lesser.tolist()) | set(greater.tolist()) <= {entry.row for entry in index.catalog.entries()}
    for at in np.linspace(0, len(keys) - 1, most).astype(int):
        query, candidate = (
            index.references.genome(int(lesser[at])),
            index.references.candidate(int(greater[at])),
        )
        [evidence] = measure(query, [candidate])
        expected = np.array([evidence.ani, evidence.af_query, evidence.af_reference], np.float32)
        np.testing.assert_allclose(values[at], expected, rtol=1e-6)


def folders(path: Path) -> list[str]:
    """The names in a folder, unfinished ones included."""
    return sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []


def snapshots_on_disk(path: Path) -> list[int]:
    return [int(name) for name in folders(path / "snapshots")]


def referenced_segments(path: Path) -> list[str]:
    """The segments to which the snapshots on disk refer."""
    from genome_index.index.store.catalog import Catalog

    segments: set[str] = set()
    for number in snapshots_on_disk(path):
        with Catalog(path / "snapshots" / f"{number:06d}" / "catalog.duckdb") as catalog:
            segments |= catalog.segments()
    return sorted(segments)


def read_until(path: Path, queries: Path, out: Path, stop: Path) -> None:
    """Open the index and query it until `stop` exists, and write a line of JSON each time."""
    from genome_index.io.reader import iter_genomes

    genomes = [each for each in iter_genomes([queries], "record") if isinstance(each, Genome)]
    with out.open("w") as lines:
        while not stop.exists():
            index = Index.open(path)
            line = {"snapshot": index.snapshot.number, "answers": answers(index, genomes)}
            lines.write(json.dumps(line) + "\n")
            lines.flush()


if __name__ == "__main__":
    read_until(*map(Path, sys.argv[1:]))
