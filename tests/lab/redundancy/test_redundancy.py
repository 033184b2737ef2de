"""Redundancy of a corpus: each number against a dull computation of it."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.index.store.sketches import containment, hash_sketch
from genome_index.lab.corpus.genomes import genomes_of
from genome_index.lab.corpus.relatives import SPEC, SketchFile
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.redundancy.diversity import hill_number, vendi_score
from genome_index.lab.redundancy.growth import growth_of, heaps_power
from genome_index.lab.redundancy.report import report_redundancy


def test_hill_numbers_of_equal_groups_are_the_groups() -> None:
    for order in (0, 0.5, 1, 2):
        assert hill_number([7, 7, 7, 7], order) == pytest.approx(4)


@settings(deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_hill_numbers_fall_with_their_order(counts: list[int]) -> None:
    shares = [count / sum(counts) for count in counts]
    values = [hill_number(counts, order) for order in (0, 1, 2)]
    assert values[0] == pytest.approx(len(counts))
    assert values[1] == pytest.approx(math.exp(-sum(share * math.log(share) for share in shares)))
    assert values[2] == pytest.approx(1 / sum(share**2 for share in shares))
    assert values[0] >= values[1] - 1e-9
    assert values[1] >= values[2] - 1e-9


def test_vendi_scores() -> None:
    assert vendi_score(np.eye(5)) == pytest.approx(5)
    assert vendi_score(np.ones((4, 7))) == pytest.approx(1)
    assert vendi_score(np.repeat(np.eye(3), 4, axis=0)) == pytest.approx(3)  # more rows than columns
    rows = np.random.default_rng(0).normal(size=(6, 9))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(unit @ unit.T / 6)
    assert vendi_score(rows) == pytest.approx(math.exp(-sum(v * math.log(v) for v in values)))


def test_growth_is_that_of_sets() -> None:
    draws = np.random.default_rng(1)
    sketches = [np.unique(draws.integers(0, 60, 20).astype(np.uint64)) for _ in range(8)]
    growth = growth_of(sketches, orders=3, seed=5)
    curves, again = [], np.random.default_rng(5)
    for _ in range(3):
        place = again.permutation(8)
        order = np.argsort(place)
        seen: set[int] = set()
        curve = []
        for genome in order:
            seen |= set(sketches[genome].tolist())
            curve.append(len(seen))
        curves.append(curve)
    np.testing.assert_allclose(growth.curve, np.mean(curves, axis=0))
    counts = np.unique(np.concatenate(sketches), return_counts=True)[1]
    once, twice = (counts == 1).sum(), (counts == 2).sum()
    assert growth.unseen == pytest.approx(once**2 / (2 * twice) / len(counts))


def test_the_power_of_a_power_law_is_found() -> None:
    genomes = np.arange(1, 201)
    assert heaps_power(3.0 * genomes**0.6) == pytest.approx(0.6)
    assert math.isnan(heaps_power(np.array([3.0])))


def test_clusters_are_those_of_all_pairs(shards: Shards, tmp_path: Path) -> None:
    genomes = list(genomes_of(shards))
    sketches = [hash_sketch(genome, SPEC) for genome in genomes]
    with SketchFile(tmp_path / "sketches") as file:
        for genome in genomes:
            file.add(genome)
        for identity in (0.85, 0.95, 0.99):
            parents = list(range(len(genomes)))
            for a, b in itertools.combinations(range(len(genomes)), 2):
                shared = containment(sketches[a], sketches[b], np.uint64(2**64 // SPEC.small_scaled))
                if shared >= identity**SPEC.sketch_k:
                    low, high = sorted((parents[a], parents[b]))
                    parents = [low if parent == high else parent for parent in parents]
            found, _ = file.groups(identity=identity)
            assert found.tolist() == parents


def test_the_report_has_every_part(corpus: Path, shards: Shards, tmp_path: Path) -> None:
    text = report_redundancy(corpus, tmp_path / "out")
    assert (tmp_path / "out" / "redundancy.md").read_text() == f"{text}\n"
    assert (tmp_path / "out" / "growth.png").read_bytes().startswith(b"\x89PNG")
    for title in ("Clusters", "Diversity", "Growth", "Compression", "Leakage"):
        assert f"## {title}" in text
    sketches = [hash_sketch(genome, SPEC) for genome in genomes_of(shards)]
    training = {one for number in shards.numbers("train") for one in sketches[number].tolist()}
    own = [one for number in shards.numbers("test") for one in sketches[number].tolist()]
    share = 100 * sum(one in training for one in own) / len(own)
    line = next(line for line in text.splitlines() if line.startswith("| test |"))
    assert float(line.split(" | ")[2].strip(" |")) == pytest.approx(share, abs=3)  # of a sample of them
