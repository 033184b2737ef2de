"""Homologous pairs and retrieval scores, on simulated genomes with known loci."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra neural is not installed")

from genome_index.encoders.networks.performer import PerformerConfig, SlimPerformer  # torch first
from genome_index.errors import UsageError
from genome_index.io.sequence import drawn_window
from genome_index.lab.corpus.packing import OTHER, other_strand
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.pairs.homologous_pairs import Homologous, K, homologous_window, kmers, window_with
from genome_index.lab.pairs.profile_pairs import ViewPlan, mutated
from genome_index.lab.tokenizers.kmers import KmersOverlapping
from genome_index.lab.training.train_contrastive import examined, pairs_of
from genome_index.lab.training.validation import (
    GENUS,
    OWN,
    network_scores,
    scores_of,
    spectrum_scores,
    validation_views,
)


def bases(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, length).astype(np.uint8)


def same(one: np.ndarray, other: np.ndarray) -> float:
    """Share of kmers of `one`, of either strand, that are in `other`."""
    known = set(kmers(other).tolist())
    return max(np.mean([word in known for word in kmers(strand)]) for strand in (one, other_strand(one)))


@pytest.mark.parametrize("start", [0, 1, 350, 2500, 2900])
def test_a_window_holds_its_fragment(start: int) -> None:
    contig, draws = np.arange(3000, dtype=np.int64), np.random.default_rng(start)
    found = [window_with(contig, start, 100, 400, draws) for _ in range(200)]
    assert {len(one) for one in found} == {400}
    assert all(one[0] <= start and start + 99 <= one[-1] for one in found)
    places = {int(one[0]) for one in found}
    assert len(places) > 50 or start in (0, 1, 2900)
    assert len(window_with(contig[:250], 100, 100, 400, draws)) == 250


def test_a_fragment_lies_within_a_contig() -> None:
    contigs, draws = [bases(300), bases(50)], np.random.default_rng(0)
    found = [drawn_window([len(one) for one in contigs], 100, draws) for _ in range(300)]
    assert {contig for contig, _ in found} == {0, 1}
    assert all(start == 0 for contig, start in found if contig == 1)
    starts = [start for contig, start in found if contig == 0]
    assert max(starts) <= 200
    assert max(starts) > 180


@pytest.mark.parametrize("strand", [False, True])
def test_a_place_is_found_in_a_relative_on_either_strand(strand: bool) -> None:
    draws = np.random.default_rng(3)
    genome = bases(9000)
    relative = [bases(700, 9), mutated(genome, 0.1, draws)]
    question = other_strand(genome[4000:4500]) if strand else genome[4000:4500]
    begins = set()
    for _ in range(20):
        found = homologous_window(question, relative, 1000, draws)
        assert found is not None
        windows = np.lib.stride_tricks.sliding_window_view(relative[1], 1000)
        begin = int(np.flatnonzero((windows == found).all(1))[0])
        begins.add(begin)
        assert begin <= 4000 + 60
        assert begin + 1000 >= 4500 - 60
    assert len(begins) > 5


def test_no_place_is_found_among_strangers_nor_in_what_is_too_long() -> None:
    draws = np.random.default_rng(0)
    assert homologous_window(bases(500), [bases(9000, 1)], 1000, draws) is None
    genome = bases(300_001)
    assert homologous_window(genome[:500], [genome], 1000, draws) is None
    assert (
        homologous_window(np.full(500, OTHER, np.uint8), [np.full(900, OTHER, np.uint8)], 1000, draws) is None
    )


def test_kmers_are_those_of_a_plain_loops() -> None:
    codes = bases(60)
    codes[30] = OTHER
    dull = [
        -1 if OTHER in codes[at : at + K] else int("".join(map(str, codes[at : at + K])), 4)
        for at in range(60 - K + 1)
    ]
    assert kmers(codes).tolist() == dull
    assert kmers(codes[: K - 1]).tolist() == []


def test_pairs_share_a_place_and_no_two_a_genus(shards: Shards) -> None:
    plan = ViewPlan(mutated=(0.03, 0.05))
    pairs = Homologous(shards, "train", (200, 400), 6, 3, plan)
    for step in range(4):
        left, right, _ = pairs.at(step)
        assert {len(one) for one in left} == {(200, 400)[step % 2]}
        assert {len(one) for one in right} == {400}
        assert all(same(one, other) > 0.03 for one, other in zip(left, right, strict=True))
        assert all(same(one, right[at - 1]) < 0.01 for at, one in enumerate(left))
    again = Homologous(shards, "train", (200, 400), 6, 3, plan).at(2)
    assert all((one == other).all() for one, other in zip(pairs.at(2)[0], again[0], strict=True))


def test_another_kind_of_pairs_is_refused(shards: Shards) -> None:
    with pytest.raises(UsageError, match="--pairs near: choose one of homologous, apart"):
        pairs_of("near", shards, (200,), 4, 0)


def test_own_and_genus_are_reported_apart() -> None:
    genera = np.array(["a", "a", "b", "b", "c"])
    scores = np.eye(5, dtype=np.float32)
    scores[0, 1] = scores[1, 4] = scores[2, 3] = 0.5
    scores[3, 0] = 2
    assert scores_of(scores, genera) == {OWN: 80, GENUS: 50}  # c has no mate, so it is not asked
    assert scores_of(scores[:1, :1], genera[:1]) == {OWN: 100}


def test_a_network_that_counts_kmers_finds_what_the_spectrum_finds() -> None:
    genomes, draws, k = [[bases(5000, at)] for at in range(12)], np.random.default_rng(5), KmersOverlapping(6)
    asked = [mutated(other_strand(one[0][1000:2000]), 0.1, draws) for one in genomes]
    views = (genomes, asked, np.array([str(at) for at in range(12)]))

    def counts(pieces: list[np.ndarray]) -> np.ndarray:
        rows = [np.bincount(k.ids(one), minlength=k.vocabulary) for one in pieces]
        return np.stack([np.append(row, row.sum()) for row in rows]).astype(np.float32)

    def nothing(pieces: list[np.ndarray]) -> np.ndarray:
        return np.stack([np.append(np.cos(one[:4] * 9.0), 1) for one in pieces])

    assert network_scores(views, counts, 1000) == {OWN: 100}
    assert network_scores(views, nothing, 1000)[OWN] < 60
    assert spectrum_scores(views) == {f"{OWN}, k-mer spectrum": 100}


def test_queries_are_is_of_the_validation_part_and_of_its_genome(shards: Shards) -> None:
    genomes, asked, genera = validation_views(shards, 0)
    assert len(genomes) == len(asked) == len(genera) == len(shards.numbers("validation"))
    assert {len(one) for one in asked} == {1000}
    assert all(same(one, genome[0]) > 0.1 for one, genome in zip(asked, genomes, strict=True))
    few = validation_views(shards, 0, 2)
    assert [one[0].tolist() for one in few[0]] == [one[0].tolist() for one in genomes[:2]]


def test_scores_are_the_same_again_and_leave_the_network_training(shards: Shards) -> None:
    model, tokens = (
        SlimPerformer(PerformerConfig(4105, 16, 1, 2, 16, causal=False, places=False)),
        KmersOverlapping(6),
    )
    model.train()
    found = examined(model, tokens, shards, 0, 1000)
    assert found == examined(model, tokens, shards, 0, 1000)
    assert {OWN} < set(found)
    assert model.training


def test_without_places_the_whole_width_is_what_a_token_is() -> None:
    model = SlimPerformer(PerformerConfig(50, 16, 1, 2, 16, causal=False, places=False))
    ids = torch.arange(20)[None]
    assert model.embedding.weight.shape == (50, 16)
    torch.testing.assert_close(model(ids.flip(1)).flip(1), model(ids), rtol=1e-5, atol=1e-6)
