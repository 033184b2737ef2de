"""Choosing the spectrum: mask, exponent, dimensions and whitening, on the development split alone; then one confirmation.

    python tests/bench/develop.py masks    the choice of the mask, on half of mito's families
    python tests/bench/develop.py exponent | dimensions | whitening    the same way
    python tests/bench/develop.py whole    exponent, dimensions and whitening by the whole path, words and votes included, one seed
    python tests/bench/develop.py confirm  the chosen against the next best, once, on sets that took no part

The development split: genomes of mito whose family (or id, where it has none) has an even sha1. Two scores, of
the single nearest genome by cosine and of ten voting, nothing verified: 4-fold cross-validation within each data
set of ML-DSP, as the accuracy benchmark has it, and leave-one-out over the whole split for genus and family.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from accuracy import PUBLISHED, data_sets
from common import built, machine, plain, records, rows

from genome_index.encoders import ENCODERS
from genome_index.encoders.spectrum import Spectrum
from genome_index.evaluate.answers import Plan
from genome_index.evaluate.cross_validation import cross_validate
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.index import Index
from genome_index.index.store.references import References, locator
from genome_index.index.vectors.projection import Projection, fit_projection

CHOSEN = ("11011011011", 0.25, 256, 0.5)
MASKS = ("11111", "111111", "1111111", "11111111", "11011011", "11011011011", "110110110110")
NUMBERS = {  # exponent, dimensions, whitening
    "exponent": [(exponent, 256, 0.5) for exponent in (0.15, 0.25, 0.35, 0.5, 0.7, 1.0)],
    "dimensions": [(0.25, dim, 0.5) for dim in (128, 512, 64)],
    "whitening": [(0.25, 256, whitening) for whitening in (0.3, 0.7, 0.0, 1.0)],
    "whole": [(0.25, 256, 0.5), (0.25, 512, 0.5), (0.25, 256, 0.7), (0.35, 256, 0.5), (0.5, 256, 0.5)],
}
CODES = np.full(256, 4, np.uint8)
for letter, code in zip(b"ACTGactg", (0, 1, 2, 3) * 2, strict=True):
    CODES[letter] = code


def in_development(row: dict[str, str]) -> bool:
    return hashlib.sha1((row["family"] or row["genome_id"]).encode()).digest()[0] % 2 == 0


def counts(sequence: bytes, mask: str) -> np.ndarray:
    """The dull counter: canonical masked words of one genome, (4 ** weight,) with one strand's code of each word used."""
    codes = CODES[np.frombuffer(sequence, np.uint8)]
    kept = [at for at, bit in enumerate(mask) if bit == "1"]
    length = len(codes) - len(mask) + 1
    forward, backward, clear = np.zeros(length, np.int64), np.zeros(length, np.int64), np.ones(length, bool)
    for at in range(len(mask)):
        clear &= codes[at : at + length] < 4
    for at in kept:
        forward = forward * 4 + codes[at : at + length]
        mirror = len(mask) - 1 - at
        backward = backward * 4 + (codes[mirror : mirror + length] ^ 2)
    return np.bincount(np.minimum(forward, backward)[clear], minlength=4 ** len(kept))


def spectra(sequences: Sequence[bytes], mask: str) -> np.ndarray:
    table = np.stack([counts(sequence, mask) for sequence in sequences]).astype(np.float32)
    table = table[:, table.any(axis=0)]
    return table / np.maximum(table.sum(axis=1, keepdims=True), 1)


def fit(frequencies: np.ndarray, exponent: float, dim: int, whitening: float) -> Projection:
    sample = (
        frequencies[np.linspace(0, len(frequencies) - 1, min(len(frequencies), 1536)).astype(int)] ** exponent
    )
    return fit_projection(sample, dim, whitening)


def elected(similarity: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the nearest column and of ten voting: (Q, N), (N,) -> (Q,), (Q,)."""
    near = np.argsort(-similarity, axis=1)[:, :10]
    weights = np.exp(
        (np.take_along_axis(similarity, near, axis=1) - similarity.max(axis=1, keepdims=True)) / 0.1
    )
    values, inverse = np.unique(labels, return_inverse=True)
    votes = np.zeros((len(similarity), len(values)), np.float32)
    np.add.at(votes, (np.arange(len(votes))[:, None], inverse[near]), weights)
    return labels[near[:, 0]], values[votes.argmax(axis=1)]


def leave_one_out(vectors: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Accuracy over genomes with another one of the same name."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    _, inverse, number = np.unique(labels, return_inverse=True, return_counts=True)
    asked = (number[inverse] > 1) & (labels != "")
    return tuple(100 * float((found == labels)[asked].mean()) for found in elected(similarity, labels))


def cross_validated(
    frequencies: np.ndarray, labels: np.ndarray, settings: tuple[float, int, float]
) -> tuple[float, float]:
    """Stratified 4-fold accuracy within one data set, the projection fitted in each fold; two seeds."""
    scores = []
    for seed in range(2):
        generator = np.random.default_rng(seed)
        fold = np.empty(len(labels), int)
        fold[np.lexsort((generator.random(len(labels)), labels))] = np.arange(len(labels)) % 4
        right = np.zeros((2, len(labels)), bool)
        for part in range(4):
            train, test = fold != part, fold == part
            model = fit(frequencies[train], *settings)
            similarity = (
                model.apply(frequencies[test] ** settings[0])
                @ model.apply(frequencies[train] ** settings[0]).T
            )
            right[:, test] = [found == labels[test] for found in elected(similarity, labels[train])]
        scores.append(100 * right.mean(axis=1))
    return tuple(np.mean(scores, axis=0))


def development() -> tuple[list[bytes], list[dict[str, str]], dict[str, dict[str, str]]]:
    """Sequences and rows of the split, and its data sets: data set -> genome -> class."""
    with tempfile.TemporaryDirectory() as made:
        sequences = {
            key: text.split("\n", 1)[1].replace("\n", "").encode()
            for key, text in records(plain("mito", Path(made)))
        }
    chosen = [row for row in rows("mito") if in_development(row) and sequences[row["genome_id"]]]
    inside = {row["genome_id"] for row in chosen}
    sets: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows("mldsp_datasets"):
        if row["genome_id"] in inside and row["dataset"] in PUBLISHED:
            sets[row["dataset"]][row["genome_id"]] = row["class"]
    sets = {
        name: members
        for name, members in sets.items()
        if min(Counter(members.values()).values()) >= 4 and len(set(members.values())) > 1
    }
    return [sequences[row["genome_id"]] for row in chosen], chosen, sets


def choose(part: str) -> None:
    sequences, chosen, sets = development()
    place = {row["genome_id"]: number for number, row in enumerate(chosen)}
    print(f"{machine()}; development split: {len(sequences)} genomes, {len(sets)} data sets")

    def line(title: str, frequencies: np.ndarray, settings: tuple[float, int, float]) -> None:
        found = {}
        for name, members in sets.items():
            at = np.array([place[key] for key in members])
            found[name] = cross_validated(frequencies[at], np.array(list(members.values())), settings)
        vectors = fit(frequencies, *settings).apply(frequencies ** settings[0])
        ranks = [
            leave_one_out(vectors, np.array([row[rank] for row in chosen])) for rank in ("genus", "family")
        ]
        means = np.mean(list(found.values()), axis=0)
        print(
            f"{title:<26} sets {means[0]:.2f} vote {means[1]:.2f}  genus {ranks[0][0]:.1f}  family {ranks[1][0]:.1f}  "
            + "  ".join(f"{name[:8]} {values[1]:.1f}" for name, values in found.items()),
            flush=True,
        )

    if part == "masks":
        for mask in MASKS:
            line(f"mask {mask}", spectra(sequences, mask), CHOSEN[1:])
        return
    frequencies = spectra(sequences, CHOSEN[0])
    for exponent, dim, whitening in NUMBERS[part]:
        line(f"{exponent:4} {dim:4} {whitening:4}", frequencies, (exponent, dim, whitening))


class Rooted(Spectrum):
    """The spectrum with another exponent."""

    def __init__(self, exponent: float) -> None:
        self.exponent = exponent

    def features(self, raw: np.ndarray) -> np.ndarray:
        counts = raw.astype(np.float32)
        return (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)) ** np.float32(self.exponent)


def whole() -> None:
    print(machine())
    inside = {row["genome_id"] for row in rows("mito") if in_development(row)}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "index"
        index = Index.open(built(folder, "mito"))
        entries = index.catalog.entries()
        references, members = data_sets(entries, [entry.id for entry in entries])
        split = [entry for entry in entries if entry.id in inside]
        for exponent, dim, whitening in NUMBERS["whole"]:
            ENCODERS["spectrum"] = lambda exponent=exponent: Rooted(exponent)
            spec = replace(index.spec, dim=dim, whitening=whitening)
            comparer = Comparer(References(spec, locator(references), folder / "segments"), 2)
            scores = []
            for at in members.values():
                some = [references[row] for row in at if references[row].id in inside]
                sizes = Counter(entry.lineage.name("class") for entry in some)
                if len(sizes) > 1 and min(sizes.values()) >= 4:
                    found = cross_validate(comparer, some, Plan(folds=4, rank="class", threads=2)).levels[
                        "class"
                    ]
                    scores.append(100 * (found.guess == found.truth)[found.same].mean())
            found = cross_validate(
                Comparer(References(spec, locator(entries), folder / "segments"), 2, index.pairs()),
                split, Plan(folds=4, hold_out_rank="species", threads=2),
            ).levels  # fmt: skip
            ranks = [
                100 * (found[rank].guess == found[rank].truth)[found[rank].has_reference].mean()
                for rank in ("genus", "family")
            ]
            print(
                f"exponent {exponent}, {dim} dimensions, whitening {whitening}: {len(scores)} sets {np.mean(scores):.2f}, species out: genus {ranks[0]:.2f}, family {ranks[1]:.2f}",
                flush=True,
            )


def confirm() -> None:
    print(machine())
    for name, level in (("plasmid", "species"), ("dengue", "subtype"), ("mito_newvert", "class")):
        table = {row["genome_id"]: row for row in rows(name)}
        for row in rows("mldsp_datasets"):
            if row["dataset"] == "NewVertSequences" and row["genome_id"] in table:
                table[row["genome_id"]]["class"] = row["class"]
        with tempfile.TemporaryDirectory() as made:
            pairs = [
                (key, text.split("\n", 1)[1].replace("\n", "").encode())
                for key, text in records(plain(name, Path(made)))
            ]
        labels = np.array([table[key].get(level, "") for key, _ in pairs])
        for mask in ("1111111", "11111111", "11011011", CHOSEN[0]):
            frequencies = spectra([sequence for _, sequence in pairs], mask)
            nearest, vote = leave_one_out(
                fit(frequencies, *CHOSEN[1:]).apply(frequencies ** CHOSEN[1]), labels
            )
            print(f"{name:<14} {level:<8} mask {mask:<12} nearest {nearest:.1f}  vote {vote:.1f}", flush=True)


if __name__ == "__main__":
    part = sys.argv[1]
    {"confirm": confirm, "whole": whole}.get(part, lambda: choose(part))()
