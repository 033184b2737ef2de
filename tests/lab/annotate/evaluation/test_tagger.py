"""The per-base tagger of tests/bench: lines come back from their labels, and its path is the likeliest."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

for needed in ("torch", "safetensors", "tokenizers"):
    pytest.importorskip(needed, reason="the extra neural is not installed")

import torch

from genome_index.lab.annotate.corpus.target_text import TargetLine

sys.path.append(str(Path(__file__).parents[3] / "bench"))
import annotate_tagger as tagger

LENGTH, BEFORE, AFTER = 30, 2, 3


def cds(
    start: int, end: int, strand: str, begins_before: bool = False, ends_after: bool = False
) -> TargetLine:
    return TargetLine("CDS", start, end, strand, 0, 0, "", begins_before, ends_after)


def shape(line: TargetLine) -> tuple[object, ...]:
    return line.start, line.end, line.strand, line.begins_before, line.ends_after


def certain(labels: np.ndarray) -> np.ndarray:
    """Log probabilities that say the labels: (L,) -> (1, L, CLASSES)."""
    return np.log(np.eye(tagger.CLASSES)[labels] * 0.97 + 0.01)[None]


def test_labels_give_their_lines_back_where_genes_overlap() -> None:
    lines = [
        cds(0, 9, "+", begins_before=True), cds(5, 20, "+"), cds(20, 30, "+", ends_after=True),
        cds(0, 30, "-", begins_before=True, ends_after=True),
    ]  # fmt: skip
    gene = TargetLine("gene", 1, 4, "+", None, 0, "")
    labels = tagger.labels_of([gene, *lines], BEFORE, LENGTH, AFTER)
    assert labels.shape == (BEFORE + LENGTH + AFTER, 2)
    assert (labels[:BEFORE] == tagger.NO_LABEL).all()
    assert (labels[-AFTER:] == tagger.NO_LABEL).all()
    window = labels[BEFORE:-AFTER]
    assert window[:, 0].tolist() == [2] * 5 + [1] + [2] * 2 + [3] + [2] * 10 + [3, 1] + [2] * 9
    assert window[:, 1].tolist() == [2] * 30
    found = [
        shape(line)
        for at, strand in enumerate(tagger.STRANDS)
        for line in tagger.lines_of(tagger.likeliest_paths(certain(window[:, at]))[0], strand)
    ]
    assert found == list(map(shape, lines))


@pytest.mark.parametrize("seed", range(5))
def test_the_path_is_the_best_of_all(seed: int) -> None:
    scores = np.log(np.random.default_rng(seed).dirichlet([1] * tagger.CLASSES, 5))
    states = range(len(tagger.STATES))

    def total(path: tuple[int, ...]) -> float:
        return sum(scores[at, tagger.STATES[state][0]] for at, state in enumerate(path))

    def is_possible(path: tuple[int, ...]) -> bool:
        return all(
            tagger.STATES[b][1] - tagger.CHANGE[tagger.STATES[b][0]] == tagger.STATES[a][1]
            for a, b in itertools.pairwise(path)
        )

    best = max(filter(is_possible, itertools.product(states, repeat=5)), key=total)
    padded = np.concatenate([scores, np.zeros((4, tagger.CLASSES))])
    for given in (scores, padded):
        path = tagger.likeliest_paths(given[None])[0][:5]
        assert is_possible(tuple(path))
        assert total(tuple(path)) == pytest.approx(total(best))


def test_bases_find_their_place_in_tokens() -> None:
    """[CLS] [ATT] ACG T N AC [SEP]."""
    starts, ends = np.array([-1, -1, 0, 3, 4, 5, -1]), np.array([-1, -1, 3, 4, 5, 7, -1])
    assert tagger.slots_of(starts, ends).tolist() == [6, 7, 8, 9, 12, 15, 16]
    with pytest.raises(AssertionError, match="triplets"):
        tagger.slots_of(np.array([-1, 0]), np.array([-1, 4]))


def test_ends_that_weigh_more_are_learned_to_be_as_much_likelier() -> None:
    """The weighted loss is least at (weight x share), so that division by the weight gives the share."""
    shares, weights = torch.tensor([0.6, 0.02, 0.35, 0.03]), tagger.class_weights(50)
    assert weights.tolist() == [1, 50, 1, 50]
    right = torch.repeat_interleave(torch.arange(4), (shares * 100).round().long())
    logits = (shares.log() + weights.log()).requires_grad_()
    torch.nn.functional.cross_entropy(logits.expand(100, 4), right, weights).backward()
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-6
