"""Measured hits: which get an ANI, and what is said of one that has none."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.handmade import NAN, hits, levels, model

from genome_index.classify.measured import NEXT_NAMES, match_at, positions_to_measure, why_no_ani
from genome_index.classify.reasons import Match
from genome_index.index.calibration.pairwise import VERIFIED

# Twelve genomes of one species, then two of each of six others; the last two genera have one species each.
SPECIES = ["A a"] * 12 + [f"A {letter}" for letter in "bbccddeeff"] + ["B b"] * 2
LEVELS = levels(genus=["A"] * 22 + ["B"] * 2, species=SPECIES)
MODEL = model(LEVELS)
ROWS = np.arange(24)
NEAR = np.full(24, 0.95, np.float32)

NOT_SHARED = "not measured: no sampled k-mer is shared, so ANI is below about 82 %"
NOT_MEASURED = "not measured: nearer genomes of the same name, or of enough other names, were"
LITTLE_ALIGNED = "less than 15 % of either genome is aligned, too little for an ANI"
BELOW_RANGE = "below the range of ANI (about 82 % for whole genomes): no sufficiently similar stretches"


def test_the_best_of_the_next_species_and_genera_are_measured_too() -> None:
    assert (VERIFIED, NEXT_NAMES) == (10, 3)
    # Ten of A a; the first of A b, A c, A d; and the first of genus B.
    assert positions_to_measure(MODEL, ROWS, NEAR).tolist() == [*range(10), 12, 14, 16, 22]


def test_names_that_are_measured_already_are_not_next() -> None:
    order = np.array([*range(9), 12, 13, *range(14, 24)])  # A b is the tenth
    assert positions_to_measure(MODEL, order, NEAR[:21]).tolist() == [*range(10), 11, 13, 15, 19]


def test_a_hit_without_a_shared_kmer_or_without_a_genome_is_not_measured() -> None:
    rows, identity = ROWS.copy(), NEAR.copy()
    rows[2], identity[3] = -1, 0.6
    assert positions_to_measure(MODEL, rows, identity).tolist() == [0, 1, *range(4, 10), 12, 14, 16, 22]
    identity[3] = np.nextafter(np.float32(0.6), 1)
    assert 3 in positions_to_measure(MODEL, rows, identity)


def test_genomes_without_a_name_count_as_one_more_name() -> None:
    nameless = model(levels(species=["A a"] * 12 + [None] * 2))
    assert positions_to_measure(nameless, ROWS[:14], NEAR[:14]).tolist() == [*range(10), 12]
    assert positions_to_measure(model(levels(host=["x"] * 14)), ROWS[:14], NEAR[:14]).tolist() == [*range(10)]


@pytest.mark.parametrize(
    ("at", "kmer_identity", "ani", "why"),
    [
        (0, 0.95, 97.0, ""),
        (0, 0.6, NAN, NOT_SHARED),
        (0, float(np.nextafter(np.float32(0.6), 1)), NAN, BELOW_RANGE),
        (0, 0.8499, NAN, BELOW_RANGE),
        (0, 0.8501, NAN, LITTLE_ALIGNED),
        (10, 0.95, NAN, NOT_MEASURED),  # of the species that fills the list
        (13, 0.95, NAN, NOT_MEASURED),  # the second of A b
        (18, 0.95, NAN, NOT_MEASURED),  # A e is the fourth of the next species
        (12, 0.95, NAN, LITTLE_ALIGNED),
        (22, 0.7, NAN, BELOW_RANGE),
    ],
)
def test_why_a_hit_has_no_ani(at: int, kmer_identity: float, ani: float, why: str) -> None:
    identity = NEAR.copy()
    identity[at] = kmer_identity
    anis = np.full(24, NAN)
    anis[at] = ani
    table = hits(ROWS.tolist(), 0.9, identity.tolist(), anis.tolist(), 90, 80)
    assert why_no_ani(MODEL, table, 0, at) == why
    found = match_at(MODEL, table, 0, at, "A x")
    if not why:
        assert found == Match("A x", 97.0, 90.0, 80.0)
    else:
        assert (found.species, found.no_ani) == ("A x", why)
