"""What a study reads: stages of curricula, distinct genomes, budgets, each against a dull way."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genome_index.errors import UsageError
from genome_index.index.store.sketches import hash_sketch
from genome_index.lab.architectures.equal_shapes import chosen_shape
from genome_index.lab.architectures.shapes import shape_of
from genome_index.lab.architectures.table import Task, operations_of
from genome_index.lab.corpus.packing import bases_of
from genome_index.lab.corpus.relatives import SPEC
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.study.batches import StudyBatches
from genome_index.lab.study.curriculum import ORDER, MarkovModel, curriculum_of, stage_at
from genome_index.lab.study.distinct import distinct_genomes
from genome_index.lab.study.sizes import steps_of
from genome_index.records import Contig, Genome

LENGTH, STEPS = 120, 9


@pytest.fixture(scope="module")
def shards(demo_corpus_of_three: Path) -> Shards:
    return Shards.open(demo_corpus_of_three)


def batches(shards: Shards, curriculum: str, **settings: object) -> StudyBatches:
    return StudyBatches(
        shards, "train", "causal", LENGTH, 8, seed=3, temperature=0.5, curriculum=curriculum, steps=STEPS,
        **settings,  # type: ignore[arg-type]
    )  # fmt: skip


# -- curricula -----------------------------------------------------------------------------------------------


def test_stages_share_the_steps() -> None:
    easy, easier, all_of_them = curriculum_of("easy-first")
    assert [stage_at("easy-first", step, STEPS) for step in range(STEPS)] == (
        [easy] * 3 + [easier] * 3 + [all_of_them] * 3
    )
    assert stage_at("easy-first", 100, STEPS) is all_of_them
    assert stage_at("none", 0, STEPS) == all_of_them


def test_a_curriculum_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="no curriculum is called 'hard-first'; choose one of none, short"):
        curriculum_of("hard-first")


def test_short_fragments_are_as_many_bases(shards: Shards) -> None:
    shapes = [tuple(batches(shards, "short-first").at(step).ids.shape) for step in (0, 3, 6)]
    assert shapes == [(32, 30), (16, 60), (8, 120)]


@pytest.mark.parametrize("name", ["short-first", "easy-first"])
def test_the_last_stage_is_the_plan(name: str, shards: Shards) -> None:
    assert torch.equal(batches(shards, name).at(8).ids, batches(shards, "none").at(8).ids)


def test_the_easiest_of_four_is_taken(shards: Shards) -> None:
    own = batches(shards, "easy-first")
    stream = shards.fragments("train", LENGTH, 3, 0.5)
    model = MarkovModel([stream.at(number).codes for number in range(500)])
    for row, ids in enumerate(own.at(2).ids.numpy()):
        group = [stream.at(2 * 32 + 4 * row + at).codes for at in range(4)]
        bits = [model.bits(codes) for codes in group]
        assert (ids - 4 == group[int(np.argmin(bits))]).all()
        assert min(bits) < np.mean(bits)


def test_common_species_come_first(shards: Shards) -> None:
    plain = StudyBatches(shards, "train", "causal", LENGTH, 8, 3, temperature=1.0)
    assert torch.equal(batches(shards, "common-first").at(0).ids, plain.at(0).ids)
    assert not torch.equal(batches(shards, "common-first").at(8).ids, plain.at(8).ids)


def test_bits_of_a_markov_model_are_those_of_a_loop() -> None:
    draws = np.random.default_rng(0)
    fragments = [draws.integers(0, 4, 60).astype(np.uint8) for _ in range(5)]
    fragments[0][20] = 4  # an N: no context that holds it counts
    counts: dict[tuple[int, ...], list[float]] = {}
    for codes in fragments:
        for at in range(ORDER, len(codes)):
            word = tuple(int(code) for code in codes[at - ORDER : at + 1])
            if 4 not in word:
                counts.setdefault(word[:-1], [1.0] * 4)[word[-1]] += 1
    other = draws.integers(0, 4, 50).astype(np.uint8)
    bits = []
    for at in range(ORDER, len(other)):
        seen = counts.get(tuple(int(code) for code in other[at - ORDER : at]), [1.0] * 4)
        bits.append(-math.log2(seen[int(other[at])] / sum(seen)))
    assert MarkovModel(fragments).bits(other) == pytest.approx(float(np.mean(bits)))
    assert MarkovModel(fragments).bits(np.full(60, 4, np.uint8)) == 2.0


# -- distinct genomes ----------------------------------------------------------------------------------------


def test_distinct_genomes_are_those_of_a_loop_over_pairs(shards: Shards, tmp_path: Path) -> None:
    numbers = shards.numbers("train").tolist()
    sketches = []
    for number in numbers:
        contigs = tuple(Contig(str(at), bases_of(codes)) for at, codes in enumerate(shards.contigs(number)))
        sketches.append(hash_sketch(Genome(str(number), contigs, ""), SPEC))
    groups = list(range(len(numbers)))
    for a in range(len(numbers)):
        for b in range(a):
            shared = len(np.intersect1d(sketches[a], sketches[b]))
            if shared / min(len(sketches[a]), len(sketches[b])) >= 0.9**SPEC.sketch_k:
                groups = [groups[b] if group == groups[a] else group for group in groups]
    expected = sorted({groups.index(group) for group in groups})
    found = distinct_genomes(shards, 0.9, tmp_path)
    assert found is not None
    assert found.tolist() == [numbers[at] for at in expected]
    assert 1 < len(found) < len(numbers)
    assert (tmp_path / f"distinct-{shards.digest}-0.9.npy").is_file()
    assert np.array_equal(distinct_genomes(shards, 0.9, tmp_path), found)  # from the file


def test_no_identity_keeps_all(shards: Shards, tmp_path: Path) -> None:
    assert distinct_genomes(shards, 0, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_batches_of_some_genomes_have_no_other(shards: Shards) -> None:
    chosen = shards.numbers("train")[:2]
    stream = shards.fragments("train", LENGTH, 3, 0.5, among=chosen)
    assert {stream.at(number).genome for number in range(200)} == set(chosen.tolist())


# -- sizes ---------------------------------------------------------------------------------------------------


def test_operations_can_be_made_equal() -> None:
    task = Task("causal", 256)
    target = operations_of("pythia", shape_of("micro"), task)
    for name in ("s4d", "hyena", "performer", "mamba2"):
        like = chosen_shape(name, "micro", "operations", task)
        others = (replace(like, width=width, ffn=4 * width) for width in range(16, 257, 16))
        nearest = min(others, key=lambda shape: abs(math.log(operations_of(name, shape, task) / target)))
        assert like == nearest


def test_a_budget_pays_for_steps() -> None:
    task = Task("causal", 256)
    step = 3 * operations_of("pythia", shape_of("nano"), task) * 16 * 256
    assert steps_of(10 * step, "pythia", "nano", "shape", task, 16) == 10
    with pytest.raises(UsageError, match=r"budget = 5: a step of pythia of size nano takes 1e\+09"):
        steps_of(5, "pythia", "nano", "shape", task, 16)
