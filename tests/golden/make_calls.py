"""Golden calls of the demo: makes calls.json and explanations.txt, with which tests compare.

    python tests/golden/make_calls.py

Run it only when calls or explanations are meant to change, and look at every line of `git diff tests/golden`.
Queries are the three of the demo and some made of its genomes: truncated, mixed, and a hybrid of two genera.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gindex_cli.explanation import render

from genome_index import Index, build_index, explain_query, query_index
from genome_index.io.reader import iter_genomes
from genome_index.io.sequence import reverse_complement
from genome_index.records import Contig, Genome

GOLDEN = Path(__file__).resolve().parent / "calls.json"
EXPLANATIONS = Path(__file__).resolve().parent / "explanations.txt"
DEMO = Path(__file__).resolve().parents[2] / "data" / "demo"


def queries(demo: Path) -> Iterator[Genome]:
    """The queries, by what was done to them."""
    for name in ("sample", "novel", "stranger"):
        yield read(demo / f"{name}.fasta", name)
    one, other, far = (read(demo / "genomes" / f"DEMO_{number:04}.fa.gz") for number in (1, 15, 33))
    yield Genome("known", one.contigs, "made")
    yield Genome("first 60 percent", (part(one, 0, 0.6),), "made")
    yield Genome("first tenth", (part(one, 0, 0.1),), "made")
    yield Genome("first 2 kb", (Contig("c", bases(one)[:2_000]),), "made")
    yield Genome("too short", (Contig("c", bases(one)[:499]),), "made")
    yield Genome("other strand, rotated", (Contig("c", reverse_complement(rotated(bases(other)))),), "made")
    yield Genome("half masked", (Contig("c", bases(one)[: len(bases(one)) // 2] + b"N" * 30_000),), "made")
    yield Genome("mixture", (part(one, 0, 1), part(other, 0, 0.4)), "made")
    yield Genome("a little foreign", (part(one, 0, 1), part(other, 0, 0.12)), "made")
    yield Genome("hybrid of two genera", (joined(part(one, 0, 0.5), part(other, 0.5, 1)),), "made")
    three = joined(part(one, 0, 0.4), part(other, 0.4, 0.7), part(far, 0.7, 1))
    yield Genome("hybrid of three genera", (three,), "made")


def read(path: Path, name: str = "") -> Genome:
    genome = next(iter(iter_genomes([path])))
    assert isinstance(genome, Genome)
    return Genome(name or genome.id, genome.contigs, path.name)


def bases(genome: Genome) -> bytes:
    return b"".join(contig.sequence for contig in genome.contigs)


def part(genome: Genome, start: float, end: float) -> Contig:
    whole = bases(genome)
    return Contig(genome.id, whole[int(start * len(whole)) : int(end * len(whole))])


def rotated(sequence: bytes) -> bytes:
    return sequence[len(sequence) // 3 :] + sequence[: len(sequence) // 3]


def joined(*contigs: Contig) -> Contig:
    return Contig("joined", b"".join(contig.sequence for contig in contigs))


def calls(index: Path, demo: Path) -> list[dict[str, Any]]:
    """The calls as JSON has them, without version and provenance."""
    found = []
    for call in query_index(Index.open(index), list(queries(demo))):
        found.append(call.to_dict())
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        index = Path(name) / "index"
        build_index([DEMO / "genomes"], index, DEMO / "taxonomy.tsv")
        lines = [json.dumps(call, ensure_ascii=False, indent=1) for call in calls(index, DEMO)]
        GOLDEN.write_text("[\n" + ",\n".join(lines) + "\n]\n")
        explained = explain_query(index, [DEMO / f"{name}.fasta" for name in ("sample", "novel", "stranger")])
        EXPLANATIONS.write_text("".join(render(explained)), encoding="utf-8")


if __name__ == "__main__":
    main()
