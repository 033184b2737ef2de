"""Genera found by trained networks: answers against loops, and encoders whose answer is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from genome_index.lab.corpus.build import build_corpus
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import SplitPlan
from genome_index.lab.study.search import PIECE_BP, SearchSet, genus_found, search_set, share_found


@pytest.fixture(scope="module")
def asked(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> SearchSet:
    """Most of the demo is for testing, so that its genera have several species there."""
    out = tmp_path_factory.mktemp("corpus") / "demo"
    build_corpus([str(demo / "genomes")], out, demo / "taxonomy.tsv", split=SplitPlan(test=0.8, validation=0))
    return search_set(Shards.open(out))


def test_pieces_are_of_genera_with_two_species(asked: SearchSet) -> None:
    assert len(asked.pieces) >= 10
    for genus in set(asked.genera.tolist()):
        assert len(set(asked.species[asked.genera == genus].tolist())) >= 2
    assert max(piece.length_bp for piece in asked.pieces) <= PIECE_BP
    assert len({piece.id for piece in asked.pieces}) == len(asked.pieces)


def test_the_share_found_is_that_of_a_loop(asked: SearchSet) -> None:
    near = np.random.default_rng(0).random((len(asked.pieces), len(asked.pieces)))
    right = 0
    for query in range(len(near)):
        others = [at for at in range(len(near)) if asked.species[at] != asked.species[query]]
        best = max(others, key=lambda at: near[query, at])
        right += int(asked.genera[best] == asked.genera[query])
    assert share_found(near, asked) == pytest.approx(right / len(near))
    same = (asked.genera[:, None] == asked.genera[None, :]).astype(float)
    assert share_found(same, asked) == 1.0
    assert share_found(-same, asked) == 0.0


def test_the_spectrum_finds_more_than_chance(asked: SearchSet) -> None:
    found, chance = genus_found("spectrum", asked), 1 / len(set(asked.genera.tolist()))
    assert found > chance + 0.2


def test_nothing_to_ask_has_no_share() -> None:
    empty = np.empty(0, np.int64)
    assert math.isnan(genus_found("spectrum", SearchSet((), empty, empty)))
