"""Scores of sourmash and GAMBIT between questions and genomes; runs in the environment of the rival, beside `retrieval.py`.

    PYTHON_OF_SOURMASH tests/bench/rivals.py sourmash --k 31 --scaled 10 --folder FOLDER --out OUT.npz
    PYTHON_OF_GAMBIT tests/bench/rivals.py gambit --folder FOLDER --out OUT.npz

FOLDER has one FASTA file for each of N genomes, and `questions.txt` with the numbers of the Q that are asked. The file
written has for each measure a table (Q, N), larger where nearer and 0 where nothing is shared, and `prepare_s` and
`search_s`, the seconds that each question took: sketch and comparison with all N, whose sketches are in memory.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

CHECKED = 20  # pairs whose measures are compared with those of the tool's own functions
PREFIX, GAMBIT_K = "ATGAC", 11  # GAMBIT's own (Lumpe et al. 2023)

Sketch = Callable[[list[str]], Any]  # of the contigs of a genome
Search = Callable[[Any], dict[str, np.ndarray]]  # a question's sketch -> measure -> (N,)


def contigs(path: Path) -> list[str]:
    return ["".join(record.split("\n")[1:]) for record in path.read_text().split(">")[1:]]


def sourmash(k: int, scaled: int) -> tuple[Sketch, Callable[[Sequence[Any]], Search]]:
    from sourmash import MinHash

    def sketch(sequences: list[str]) -> MinHash:
        made = MinHash(n=0, ksize=k, scaled=scaled)
        for sequence in sequences:
            made.add_sequence(sequence, force=True)
        return made

    def searcher(sketches: Sequence[MinHash]) -> Search:
        sizes = np.array([len(one) for one in sketches], float)

        def search(question: MinHash) -> dict[str, np.ndarray]:
            common = np.array([question.count_common(one) for one in sketches], float)
            own = float(len(question))
            return {
                "max containment": common / np.maximum(np.minimum(sizes, own), 1),
                "containment": common / max(own, 1),  # of the question, as `sourmash search --containment`
                "Jaccard": common / np.maximum(sizes + own - common, 1),
            }

        check_sourmash(sketches, search)
        return search

    return sketch, searcher


def check_sourmash(sketches: Sequence[Any], search: Search) -> None:
    """The measures from one count are those that sourmash gives, but for its correction of tiny sketches."""
    question, found = sketches[0], search(sketches[0])
    for at, other in enumerate(sketches[:CHECKED]):
        own = question.max_containment(other), question.contained_by(other), question.jaccard(other)
        assert np.allclose([found[name][at] for name in found], own, atol=1e-3), (at, own)


def gambit() -> tuple[Sketch, Callable[[Sequence[Any]], Search]]:
    from gambit.kmers import KmerSpec
    from gambit.metric import jaccarddist_array
    from gambit.sigs import SignatureArray
    from gambit.sigs.calc import calc_signature

    spec = KmerSpec(GAMBIT_K, PREFIX)

    def searcher(sketches: Sequence[Any]) -> Search:
        signatures = SignatureArray(sketches, spec)
        return lambda question: {"Jaccard": 1 - jaccarddist_array(question, signatures)}

    return lambda sequences: calc_signature(spec, sequences), searcher


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", choices=("sourmash", "gambit"))
    parser.add_argument("--k", type=int, default=31)
    parser.add_argument("--scaled", type=int, default=1000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    wanted = parsed()
    sketch, searcher = sourmash(wanted.k, wanted.scaled) if wanted.tool == "sourmash" else gambit()
    paths = sorted(wanted.folder.glob("*.fa"))
    sketches, prepare_s = [], []
    for path in paths:
        sequences = contigs(path)  # read before, as gindex has its genomes
        start = time.perf_counter()
        sketches.append(sketch(sequences))
        prepare_s.append(time.perf_counter() - start)
    questions = np.loadtxt(wanted.folder / "questions.txt", dtype=int, ndmin=1)
    search, found, search_s = searcher(sketches), [], []
    for question in questions:
        start = time.perf_counter()
        found.append(search(sketches[question]))
        search_s.append(time.perf_counter() - start)
    tables = {name: np.stack([one[name] for one in found]).astype(np.float32) for name in found[0]}
    np.savez(wanted.out, prepare_s=np.array(prepare_s)[questions], search_s=np.array(search_s), **tables)


if __name__ == "__main__":
    main()
