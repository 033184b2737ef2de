"""Fragments cut from references at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.handmade import MemoryIndex, MemoryReferences, entries, level, model, vectors

from genome_index.classify.fragments.cutting import (
    LEAST_GENOMES,
    LENGTHS,
    TRIES,
    cut_fragments,
    length_class,
    length_range,
)
from genome_index.classify.fragments.hits import ReferenceTable
from genome_index.records import Contig, Genome
from genome_index.spec import IndexSpec

RNG = np.random.default_rng(3)
BASES = np.frombuffer(b"ACGT", np.uint8)


def bases(length: int) -> bytes:
    return bytes(BASES[RNG.integers(0, 4, length)])


def genome(row: int, *contigs: bytes) -> Genome:
    return Genome(f"g{row}", tuple(Contig(f"c{i}", each) for i, each in enumerate(contigs)), f"{row}.fa")


def table(genomes: list[Genome | None], lengths: list[int] | None = None, **spec: object) -> ReferenceTable:
    settings = replace(IndexSpec(), **spec)  # type: ignore[arg-type]
    size = len(genomes)
    rows = vectors([[1, 0]] * size)
    made = model({"species": level("species", ["a"] * size)}, vectors=rows)
    lengths = lengths or [each.length_bp if each else 2_000 for each in genomes]
    references = MemoryReferences(settings, [[]] * size, None, genomes)
    return ReferenceTable.of(
        MemoryIndex(made, references, entries(made.levels, lengths))  # type: ignore[arg-type]
    )


GENOMES = [genome(row, bases(900 + 100 * row), bases(650)) for row in range(8)]
ROWS = np.arange(8)


def test_lengths_and_their_classes_join_without_a_gap() -> None:
    assert LENGTHS == (500, 1_000, 3_000, 10_000, 30_000)
    ranges = [length_range(length) for length in LENGTHS]
    assert ranges[0][0] == 500
    for (_, high), (low, _) in zip(ranges, ranges[1:], strict=False):
        assert low == high + 1
    for length, (low, high) in zip(LENGTHS, ranges, strict=True):
        assert length_class(low) == length_class(high) == length
    assert length_class(5_000, [500, 30_000]) == 30_000
    assert length_class(3_000, [500, 30_000]) == 500
    assert ranges[-1] == (17_321, 51_961)


def test_fragments_are_windows_of_one_contig_about_as_many_of_each_reference() -> None:
    made = table(GENOMES)  # type: ignore[arg-type]
    cut = cut_fragments(made, ROWS, 500, 20, seed=1)
    assert len(cut.genomes) == len(cut.rows) == 20
    assert cut.rows.tolist() == sorted(cut.rows.tolist())
    assert set(np.bincount(cut.rows).tolist()) == {2, 3}
    assert len({fragment.length_bp for fragment in cut.genomes}) > 10
    for row, fragment in zip(cut.rows.tolist(), cut.genomes, strict=True):
        [contig] = fragment.contigs
        assert 500 <= fragment.length_bp <= 707
        assert any(contig.sequence in each.sequence for each in GENOMES[row].contigs)
        start = int(fragment.id.partition(":")[2])
        assert fragment.id == f"g{row}:{start}" == contig.name
        assert contig.sequence in [
            each.sequence[start : start + fragment.length_bp] for each in GENOMES[row].contigs
        ]
        assert fragment.source == f"{row}.fa"
    assert made.index.references.released == 1  # type: ignore[attr-defined]


def test_lengths_are_even_on_a_logarithmic_scale() -> None:
    long = table([genome(row, bases(4_000)) for row in range(6)])
    cut = cut_fragments(long, np.arange(6), 1_000, 300, seed=2)
    lengths = np.log([fragment.length_bp for fragment in cut.genomes])
    low, high = np.log(length_range(1_000))
    assert lengths.mean() == pytest.approx((low + high) / 2, abs=0.05)
    assert lengths.min() >= low - 0.002
    assert lengths.max() <= high


def test_a_seed_cuts_the_same_again_and_another_does_not() -> None:
    made = table(GENOMES)  # type: ignore[arg-type]
    first, again, other = (cut_fragments(made, ROWS, 500, 9, seed) for seed in (1, 1, 2))
    assert first.genomes == again.genomes
    assert first.genomes != other.genomes
    assert cut_fragments(made, ROWS, 1_000, 9, 1).genomes != first.genomes


def test_only_references_that_are_long_enough_are_cut() -> None:
    short = [genome(row, bases(707)) for row in range(3)]
    made = table([*GENOMES[:6], *short])
    cut = cut_fragments(made, np.arange(9), 1_000, 40, seed=1)
    assert set(cut.rows.tolist()) == set(range(6))
    assert all(708 <= fragment.length_bp <= 1_732 for fragment in cut.genomes)
    assert {contig.sequence in GENOMES[0].contigs[1].sequence for contig in cut.genomes[0].contigs} == {False}


def test_a_contig_shorter_than_the_fragment_is_cut_whole() -> None:
    made = table([genome(row, bases(710)) for row in range(6)])
    cut = cut_fragments(made, np.arange(6), 1_000, 30, seed=1)
    assert len(cut.genomes) == 30
    assert sum(fragment.length_bp == 710 for fragment in cut.genomes) > 25


@pytest.mark.parametrize(("genomes", "expected"), [(6, 12), (5, 0)])
def test_too_few_references_are_not_cut(genomes: int, expected: int) -> None:
    made = table(GENOMES)  # type: ignore[arg-type]
    assert LEAST_GENOMES == 6
    cut = cut_fragments(made, np.arange(genomes), 500, 12, seed=1)
    assert (len(cut.genomes), len(cut.rows)) == (expected, expected)


@pytest.mark.parametrize(("keep", "expected"), [(True, 8), (False, 0)])
def test_large_genomes_have_bases_only_if_they_were_kept(keep: bool, expected: int) -> None:
    made = table(GENOMES, small_bp=1_600, keep_sequence=keep)  # type: ignore[arg-type]
    assert len(set(cut_fragments(made, ROWS, 500, 16, seed=1).rows.tolist())) == expected


def test_small_genomes_have_bases_in_any_index() -> None:
    lengths = [each.length_bp for each in GENOMES]
    made = table(GENOMES, small_bp=lengths[6])  # type: ignore[arg-type]
    assert set(cut_fragments(made, ROWS, 500, 16, seed=1).rows.tolist()) == set(range(7))


def test_a_reference_whose_bases_are_missing_is_passed_over() -> None:
    made = table([*GENOMES[:7], None], lengths=[2_000] * 8)  # type: ignore[list-item]
    cut = cut_fragments(made, ROWS, 500, 16, seed=1)
    assert set(cut.rows.tolist()) == set(range(7))
    assert len(cut.genomes) == 14


def test_places_that_are_mostly_n_are_drawn_again_and_then_given_up() -> None:
    assert TRIES == 3
    masked = [genome(row, b"N" * 3_000) for row in range(6)]
    assert cut_fragments(table(masked), np.arange(6), 500, 12, seed=1).genomes == []
    half = [genome(row, b"N" * 2_000 + bases(2_000)) for row in range(6)]
    cut = cut_fragments(table(half), np.arange(6), 500, 60, seed=1)
    assert 40 < len(cut.genomes) < 60
    assert all(fragment.contigs[0].sequence.count(b"N") <= fragment.length_bp / 2 for fragment in cut.genomes)
