"""Choosing the spectrum: mask, exponent, dimensions and whitening, on the development split alone; then one confirmation.

    python tests/bench/develop.py          the choice, on half of mito's families
    python tests/bench/develop.py confirm  the chosen against the next best, once, on sets that took no part

The development split: genomes of mito whose family (or id, where it has none) has an even sha1. Scores are
accuracies of the single nearest other genome by cosine, and of ten voting, nothing verified.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from common import machine, plain, records, rows

from genome_index.pool import unit
from genome_index.projection import fit_projection

CHOSEN = ("11011011011", 0.5, 256, 0.5)
MASKS = ("11111", "111111", "1111111", "11111111", "11011011", "11011011011", "1101101101101", "101011101010111", "1110110111")
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


def projected(frequencies: np.ndarray, exponent: float, dim: int, whitening: float) -> np.ndarray:
    features = frequencies**exponent
    sample = features[np.linspace(0, len(features) - 1, min(len(features), 1536)).astype(int)].copy()
    return fit_projection(sample, dim, whitening).apply(features)


def accuracies(vectors: np.ndarray, groups: dict[str, np.ndarray]) -> dict[str, float]:
    """Leave-one-out accuracy at each level; names that occur once do not count, empty ones neither."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    near = np.argsort(-similarity, axis=1)[:, :10]
    weights = np.exp((np.take_along_axis(similarity, near, axis=1) - similarity.max(axis=1, keepdims=True)) / 0.1)
    found = {}
    for name, labels in groups.items():
        values, inverse, number = np.unique(labels, return_inverse=True, return_counts=True)
        asked = (number[inverse] > 1) & (labels != "")
        votes = np.zeros((len(labels), len(values)), np.float32)
        np.add.at(votes, (np.arange(len(labels))[:, None], inverse[near]), weights)
        found[name] = 100 * float((labels[near[:, 0]] == labels)[asked].mean())
        found[name + " vote"] = 100 * float((votes.argmax(axis=1) == inverse)[asked].mean())
    return found


def development() -> tuple[list[bytes], dict[str, np.ndarray]]:
    chosen = [row for row in rows("mito") if in_development(row)]
    with tempfile.TemporaryDirectory() as made:
        sequences = {name: text.split("\n", 1)[1].replace("\n", "").encode() for name, text in records(plain("mito", Path(made)))}
    chosen = [row for row in chosen if sequences[row["genome_id"]]]
    classes: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows("mldsp_datasets"):
        classes[row["genome_id"]][row["dataset"]] = row["class"]
    levels = {rank: np.array([row[rank] for row in chosen]) for rank in ("genus", "family")}
    for dataset in ("Insects", "Fungi", "Plants", "Protists", "Mammalia", "KingdomToPhylum(Animalia)"):
        levels[dataset[:9]] = np.array([classes[row["genome_id"]].get(dataset, "") for row in chosen])
    return [sequences[row["genome_id"]] for row in chosen], levels


def line(title: str, found: dict[str, float]) -> None:
    print(f"{title:<38}{np.mean(list(found.values())):7.2f}  " + "  ".join(f"{name} {value:.1f}" for name, value in found.items()), flush=True)


def choose() -> None:
    sequences, levels = development()
    print(f"{machine()}; development split: {len(sequences)} genomes")
    for mask in MASKS:
        line(f"mask {mask}", accuracies(projected(spectra(sequences, mask), *CHOSEN[1:]), levels))
    frequencies = spectra(sequences, CHOSEN[0])
    for exponent in (0.25, 0.35, 0.7, 1.0):
        line(f"exponent {exponent}", accuracies(projected(frequencies, exponent, *CHOSEN[2:]), levels))
    for dim in (64, 128, 512):
        line(f"dimensions {dim}", accuracies(projected(frequencies, 0.5, dim, 0.5), levels))
    for whitening in (0.0, 0.3, 0.7, 1.0):
        line(f"whitening {whitening}", accuracies(projected(frequencies, 0.5, 256, whitening), levels))
    line("not projected", accuracies(unit(np.sqrt(frequencies)), levels))


def confirm() -> None:
    print(machine())
    for name, level in (("plasmid", "species"), ("dengue", "subtype"), ("mito_newvert", "class")):
        table = {row["genome_id"]: row for row in rows(name)}
        if level == "class":
            for row in rows("mldsp_datasets"):
                if row["dataset"] == "NewVertSequences" and row["genome_id"] in table:
                    table[row["genome_id"]]["class"] = row["class"]
        with tempfile.TemporaryDirectory() as made:
            pairs = [(key, text.split("\n", 1)[1].replace("\n", "").encode()) for key, text in records(plain(name, Path(made))) if key in table]
        labels = {level: np.array([table[key].get(level, "") for key, _ in pairs])}
        for mask in ("1111111", "11111111", CHOSEN[0]):
            vectors = projected(spectra([sequence for _, sequence in pairs], mask), *CHOSEN[1:])
            line(f"{name}, mask {mask}", accuracies(vectors, labels))


if __name__ == "__main__":
    confirm() if sys.argv[1:] == ["confirm"] else choose()
