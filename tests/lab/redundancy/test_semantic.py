"""Semantic duplicates against loops, and collections whose duplicates are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.encoders.pooling import unit
from genome_index.errors import EncoderNotFound
from genome_index.index.store.sketches import containment, hash_sketch
from genome_index.lab.corpus.genomes import genomes_of
from genome_index.lab.corpus.relatives import SPEC
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.vectors import spec_of, unit_vectors
from genome_index.lab.redundancy.report import report_redundancy
from genome_index.lab.redundancy.semantic import EPSILONS, nearest_before, surplus_found
from genome_index.lab.redundancy.semantic_table import semantic_section


def rows(size: int, seed: int, spread: float = 1.0) -> np.ndarray:
    draws = np.random.default_rng(seed)
    return unit((draws.normal(size=16) + spread * draws.normal(size=(size, 16))).astype(np.float32))


@pytest.mark.parametrize("spread", [0.1, 0.3, 1.0])
def test_duplicates_are_those_of_loops(spread: float) -> None:
    vectors = rows(60, 0, spread)
    centre = unit(vectors.mean(axis=0, keepdims=True))[0]  # of the only cluster
    order = sorted(range(60), key=lambda at: float(vectors[at] @ centre))
    nearest = nearest_before(vectors)
    for epsilon in (0.01, 0.03, 0.1, 0.5):
        out = [
            at for place, at in enumerate(order)
            if any(float(vectors[at] @ vectors[before]) > 1 - epsilon for before in order[:place])
        ]  # fmt: skip
        assert sorted(out) == nearest.duplicates(epsilon).tolist()
    for place, at in enumerate(order[1:], 1):
        assert nearest.row[at] == max(order[:place], key=lambda before: float(vectors[at] @ vectors[before]))


def test_of_copies_one_stays_in_every_cluster() -> None:
    vectors = np.repeat(np.eye(4, 8, dtype=np.float32), 50, axis=0)
    assert len(nearest_before(vectors, cluster=50).duplicates(1e-5)) == 200 - 4
    assert len(nearest_before(vectors[:1]).duplicates(1e-5)) == 0


def test_vectors_by_chance_have_no_duplicates() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(500, 64)).astype(np.float32))
    assert len(nearest_before(vectors).duplicates(0.3)) == 0


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 80), st.integers(0, 99))
def test_a_larger_epsilon_leaves_out_more(size: int, seed: int) -> None:
    nearest = nearest_before(rows(size, seed, 0.4), cluster=20)
    counts = [len(nearest.duplicates(epsilon)) for epsilon in EPSILONS]
    assert counts == sorted(counts)
    assert counts[-1] < size


def test_surplus_is_counted_by_group() -> None:
    groups = np.array([0, 0, 0, 1, 1, 2])
    for out, share in (([], 0), ([0], 1 / 3), ([0, 1, 3], 1), ([0, 1, 2], 2 / 3), ([5], 0)):
        assert surplus_found(groups, np.array(out, np.int64)) == pytest.approx(share)
    assert np.isnan(surplus_found(np.arange(4), np.array([0])))


@pytest.mark.parametrize("encoder", ["spectrum", "profile"])
def test_the_table_is_that_of_all_pairs(shards: Shards, encoder: str) -> None:
    genomes = list(genomes_of(shards))
    nearest = nearest_before(unit_vectors(genomes, spec_of(encoder)))
    groups = {0.99: np.arange(len(genomes)), 0.95: np.arange(len(genomes)) // 2}
    text = semantic_section(shards, groups, encoder)
    limit = np.uint64(2**64 // SPEC.small_scaled)
    seen = []
    for line, epsilon in zip(text.splitlines()[-len(EPSILONS) :], EPSILONS, strict=True):
        out = nearest.duplicates(epsilon).tolist()
        pairs = [(hash_sketch(genomes[at], SPEC), hash_sketch(genomes[nearest.row[at]], SPEC)) for at in out]
        identities = [containment(*pair, limit) ** (1 / 21) for pair in pairs]
        same = [sum(identity >= least for identity in identities) for least in (0.99, 0.95)]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[0] == f"{epsilon:g}"
        assert float(cells[1]) == pytest.approx(100 - 100 * len(out) / len(genomes), abs=0.06)
        assert [int(cell) for cell in cells[2:6]] == [len(out), *same, len(out) - same[-1]]
        seen.append(len(out))
    assert 0 < max(seen) < len(genomes)
    assert "keep 100.0% by 99% identity, 50.0% by 95% identity" in text


def test_a_wrong_encoder_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(EncoderNotFound, match="no encoder is called 'spectrm'"):
        report_redundancy(tmp_path / "no corpus", tmp_path / "out", encoder="spectrm")
    assert not (tmp_path / "out").exists()
