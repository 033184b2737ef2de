"""Features of elected names: each by hand on a small table, all against an oracle, and their direction."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, log

import numpy as np
import pytest
from helpers.handmade import NAN, hits, join_hits, level, no_neighbours, species_neighbours
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.index.calibration import features as module
from genome_index.index.calibration.features import (
    EVIDENCE,
    FEATURES,
    features_of,
    relative_to_required,
    required_ani,
)
from genome_index.index.calibration.hits import HeldOut, Hits, NeighbourTable, nothing_held_out
from genome_index.index.calibration.thresholds import SpeciesThresholds
from genome_index.taxonomy.levels import Level

# Genera A (rows 0 to 2), B (3 and 4), C (5); row 6 has no genus.
GENUS = level("genus", ["A", "A", "A", "B", "B", "C", None])
SPECIES = level("species", ["A a", "A a", "A b", "B a", "B b", "C a", None])
NEAR = NeighbourTable(
    np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [4, 0, 1], [3, 0, -1], [3, 0, -1], [0, -1, -1]], np.int32),
    np.array(
        [
            [3.0, 2.0, 1.0], [3.0, 1.8, 0.9], [2.0, 1.8, 0.8], [2.5, 1.0, 0.9], [2.5, 0.7, 0], [0.6, 0.4, 0],
            [0.3, 0, 0],
        ],
        np.float32,
    ),
)  # fmt: skip
QUERY = hits(
    [0, 3, 2, 5],
    similarity=[0.9, 0.8, 0.7, 0.1],
    kmer_identity=[0.85, 0.8, 0.75, 0.6],
    ani=[88, 86, 87, NAN],
    af_query=[40, 30, 20, NAN],
    af_reference=[50, 25, NAN, NAN],
)  # scores 2.9, 2.4, 1.9, 0.1


def features(
    query: Hits = QUERY,
    elected: int = 0,
    by: Level = GENUS,
    finer: Level | None = None,
    near: NeighbourTable = NEAR,
    held: HeldOut | None = None,
) -> dict[str, float]:
    """The features of one query by name."""
    held = held or nothing_held_out(1, len(by.codes))
    share = np.array([0.625], np.float32)
    table = features_of(query, by, finer, np.array([elected], np.int32), share, near, held)
    assert table.shape == (1, len(FEATURES))
    assert table.dtype == np.float32
    assert np.isfinite(table).all()
    return dict(zip(FEATURES, table[0].tolist(), strict=True))


def near_to(expected: float) -> object:
    return pytest.approx(expected, abs=1e-5)


# Of rows 0, 3, 2, 5: isolation 1.0, 1.0, 0.8, 0.6; cohesion 3.0, 2.5, 2.0, none; effective ANI 88, 84, 84.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ani", 88),
        ("af", 50),
        ("ani lead", 88 - 84),
        ("k-mer identity", 0.85),
        ("score lead", 2.9 - 2.4),
        ("share", 0.625),
        ("hits of the name", log(3)),
        ("above isolation", 2.9 - 1.0),
        ("above local isolation", 2.9 - (1.0 + 1.0 + 0.8 + 0.6) / 4),
        ("above cohesion", 2.9 - 3.0),
        ("above local cohesion", 2.9 - (3.0 + 2.5 + 2.0) / 3),
        ("above local nearest", 2.9 - (3.0 + 2.5 + 2.0 + 0.6) / 4),
        ("alone", 0),
    ],
)
def test_each_feature_by_hand(name: str, expected: float) -> None:
    assert features()[name] == near_to(expected)


def test_there_is_a_row_for_every_feature() -> None:
    assert len(FEATURES) == len(set(FEATURES)) == 13
    assert (*EVIDENCE, "alone") == FEATURES
    assert set(features()) == set(FEATURES)


def test_a_name_elected_against_the_first_hit_rests_on_its_own_first_hit() -> None:
    found = features(elected=1)
    assert found["score lead"] == near_to(2.4 - 2.9)
    assert found["k-mer identity"] == near_to(0.8)
    assert found["hits of the name"] == near_to(log(2))
    assert found["above isolation"] == near_to(2.4 - 1.0)
    assert found["above cohesion"] == near_to(2.4 - 2.5)
    assert found["above local isolation"] == near_to(2.4 - 0.85)
    assert (found["ani"], found["ani lead"], found["af"]) == (near_to(84), near_to(84 - 88), 30)


def test_the_best_ani_fraction_and_identity_need_not_be_of_one_hit() -> None:
    query = hits(
        [0, 1, 2, 3],
        [0.9, 0.8, 0.7, 0.6],
        [0.7, 0.8, 0.6, 0.6],
        [96, 97, 80, NAN],
        [60, 25, 90, 99],
        [NAN, 20, 70, 99],
    )
    found = features(query)
    assert found["ani"] == near_to(96)  # the other's 97 over 25 % counts 94.5
    assert found["af"] == 90
    assert found["k-mer identity"] == near_to(0.8)
    assert found["ani lead"] == near_to(96 - 70)


def test_a_hit_without_ani_has_no_aligned_fraction() -> None:
    found = features(hits([0, 3], [0.9, 0.8], 0.7, [NAN, 90], 80, 80))
    assert (found["ani"], found["af"], found["ani lead"]) == (70, 0, 70 - 90)
    assert features(hits([0, 3], [0.9, 0.8], 0.7, [90, NAN], NAN, 80))["af"] == 80


def test_an_ani_lowered_below_the_range_counts_as_the_least() -> None:
    found = features(hits([0, 3], [0.9, 0.8], 0.7, [72, 71], [10, 20], [5, 5]))
    assert (found["ani"], found["ani lead"], found["af"]) == (70, 0, 10)


def test_a_name_of_one_genome_is_alone_and_borrows_nothing() -> None:
    found = features(elected=2)
    assert found["alone"] == 1
    assert found["above cohesion"] == 0
    assert found["above isolation"] == near_to(0.1 - 0.6)
    assert (found["ani"], found["af"], found["ani lead"]) == (70, 0, 70 - 88)


def test_without_an_elected_name_the_lowest_score_stands_for_its_best() -> None:
    found = features(elected=-1)
    assert found["hits of the name"] == 0
    assert found["k-mer identity"] == near_to(0.6)
    assert found["score lead"] == near_to(0.1 - 2.9)
    assert found["above local isolation"] == near_to(0.1 - 0.85)
    assert (found["ani"], found["af"], found["ani lead"]) == (70, 0, 70 - 88)


def test_without_hits_all_is_zero_or_the_least() -> None:
    assert features(hits([-1, -1], similarity=0)) == pytest.approx(
        dict.fromkeys(FEATURES, 0.0) | {"ani": 70, "k-mer identity": 0.6, "share": 0.625, "alone": 1}
    )


def test_a_single_name_among_the_hits_leads_over_the_lowest_score() -> None:
    found = features(hits([0, 2, -1], similarity=[0.9, 0.4, 0], kmer_identity=0.6))
    assert found["score lead"] == near_to(0.9 - 0.4)


def test_a_hit_without_a_name_is_no_other_name() -> None:
    found = features(hits([6, 0, 3], [0.9, 0.8, 0.5], 0.6, [99, 95, 90], 80, 80))
    assert found["score lead"] == near_to(0.8 - 0.5)
    assert found["ani lead"] == 5
    assert features(hits([6, 0], [0.5, 0.8], 0.6))["score lead"] == near_to(0.8 - 0.5)  # the lowest score


def test_a_finer_level_makes_the_cohesion_that_to_another_species() -> None:
    found = features(finer=SPECIES)
    assert found["above cohesion"] == near_to(2.9 - 2.0)  # row 2, another species; row 1 is the same one


def test_what_is_held_out_is_not_seen_among_the_neighbours() -> None:
    held = HeldOut(np.array([1]), SPECIES.codes, np.array([int(SPECIES.codes[3])], np.int32))
    found = features(held=held)  # rows 1 and 3 are hidden
    assert found["above cohesion"] == near_to(2.9 - 2.0)
    assert found["above isolation"] == near_to(2.9 - 1.0)  # no other name is seen: the lowest neighbour


def test_only_ten_hits_are_local() -> None:
    rows = [0] * 10 + [5]
    found = features(hits(rows, similarity=[0.9] * 10 + [0.2], kmer_identity=0.6))
    assert found["above local isolation"] == near_to(0.9 - 1.0)
    assert found["above local cohesion"] == found["above local nearest"] == near_to(0.9 - 3.0)
    assert found["hits of the name"] == near_to(log(11))  # of all hits, not only the ten nearest


def test_a_reference_without_neighbours_has_neither_isolation_nor_cohesion() -> None:
    found = features(near=no_neighbours(7))
    assert found["above isolation"] == found["above local isolation"] == 0
    assert found["above cohesion"] == found["above local cohesion"] == found["above local nearest"] == 0
    assert found["alone"] == 1


def test_a_best_hit_without_neighbours_borrows_the_isolation_of_the_others() -> None:
    near = NeighbourTable(np.where(np.arange(7)[:, None] == 0, -1, NEAR.rows).astype(np.int32), NEAR.score)
    assert features(near=near)["above isolation"] == near_to(2.9 - (1.0 + 0.8 + 0.6) / 3)


def slowly(
    query: Hits,
    by: Level,
    finer: Level | None,
    elected: int,
    share: float,
    near: NeighbourTable,
    held: HeldOut,
) -> dict[str, float]:
    """The features of one query, hit by hit."""
    hidden = held.bars(np.arange(len(by.codes))[None])[0]
    real = [i for i, row in enumerate(query.rows[0]) if row >= 0]
    score = {
        i: float(query.similarity[0, i] + 8 * (query.kmer_identity[0, i] - np.float32(0.6))) for i in real
    }
    code = {i: int(by.codes[query.rows[0, i]]) for i in real}
    same = [i for i in real if code[i] == elected != -1]
    other = [i for i in real if i not in same and code[i] != -1]
    least = min(score.values(), default=0.0)

    def highest(some: list[int], values: dict[int, float], otherwise: float) -> tuple[float, int]:
        top = max(some, key=lambda i: (values[i], -i), default=None)
        return (otherwise, 0) if top is None else (values[top], top)

    def around(row: int) -> tuple[float, float]:
        if row < 0:
            return NAN, NAN
        pairs = [(int(n), float(s)) for n, s in zip(near.rows[row], near.score[row], strict=True) if n >= 0]
        seen = [(n, s) for n, s in pairs if not hidden[n]]
        own = by.codes[row]
        away = [s for n, s in seen if own != -1 and by.codes[n] not in (own, -1)]
        home = [
            s
            for n, s in seen
            if own != -1 and by.codes[n] == own and (finer is None or finer.codes[n] != finer.codes[row])
        ]
        lowest = min((s for _, s in pairs), default=NAN)
        return max(away, default=lowest), max(home, default=NAN)

    def mean(values: list[float], otherwise: float) -> float:
        known = [value for value in values if not isnan(value)]
        return sum(known) / len(known) if known else otherwise

    def mapped(i: int) -> float:
        """The larger aligned fraction, NaN where neither is known."""
        sides = [float(side[0, i]) for side in (query.af_query, query.af_reference)]
        return max((side for side in sides if not isnan(side)), default=NAN)

    def effective(i: int) -> float:
        value = float(query.ani[0, i]) - 0.1 * max(50.0 - mapped(i), 0.0)
        return 70.0 if isnan(value) or isnan(mapped(i)) else max(value, 70.0)

    best, place = highest(same, score, least)
    ani = {i: effective(i) for i in real}
    best_ani = highest(same, ani, 70.0)[0]
    af = [mapped(i) for i in same if not isnan(query.ani[0, i]) and not isnan(mapped(i))]
    local = [around(int(row)) for row in query.rows[0, :10]]
    isolation, cohesion = around(int(query.rows[0, place]))
    local_isolation = mean([i for i, _ in local], best)
    nearest = [max((value for value in pair if not isnan(value)), default=NAN) for pair in local]
    return {
        "ani": best_ani,
        "af": max(af, default=0.0),
        "ani lead": best_ani - highest(other, ani, 70.0)[0],
        "k-mer identity": max((float(query.kmer_identity[0, i]) for i in same), default=0.6),
        "score lead": best - highest(other, score, least)[0],
        "share": share,
        "hits of the name": log(1 + len(same)),
        "above isolation": best - (local_isolation if isnan(isolation) else isolation),
        "above local isolation": best - local_isolation,
        "above cohesion": 0.0 if isnan(cohesion) else best - cohesion,
        "above local cohesion": best - mean([c for _, c in local], best),
        "above local nearest": best - mean(nearest, best),
        "alone": float(isnan(cohesion)),
    }


@pytest.mark.parametrize("block", [3, 256])
def test_features_of_random_hits_are_those_of_the_oracle(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    rng = np.random.default_rng(2)
    genomes, queries = 30, 20
    by = Level("genus", tuple("abcde"), rng.integers(-1, 5, genomes).astype(np.int32))
    finer = Level("species", tuple("abcdefgh"), rng.integers(-1, 8, genomes).astype(np.int32))
    near = NeighbourTable(
        rng.integers(-1, genomes, (genomes, 6)).astype(np.int32),
        np.sort(rng.random((genomes, 6)).astype(np.float32) * 4)[:, ::-1].copy(),
    )
    table = join_hits(
        *[
            hits(
                np.where(np.arange(14) < rng.integers(0, 15), rng.integers(0, genomes, 14), -1).tolist(),
                rng.random(14),
                0.6 + 0.4 * rng.random(14),
                np.where(rng.random(14) < 0.4, NAN, 75 + 25 * rng.random(14)),
                np.where(rng.random(14) < 0.2, NAN, 100 * rng.random(14)),
                np.where(rng.random(14) < 0.2, NAN, 100 * rng.random(14)),
            )
            for _ in range(queries)
        ]
    )
    elected = rng.integers(-1, 5, queries).astype(np.int32)
    share = rng.random(queries).astype(np.float32)
    held = HeldOut(
        rng.integers(-1, genomes, queries), finer.codes, rng.integers(-1, 8, queries).astype(np.int32)
    )
    found = features_of(table, by, finer, elected, share, near, held)
    for i in range(queries):
        own = HeldOut(held.self_rows[i : i + 1], held.codes, held.own[i : i + 1])
        expected = slowly(table.only(slice(i, i + 1)), by, finer, int(elected[i]), float(share[i]), near, own)
        assert dict(zip(FEATURES, found[i].tolist(), strict=True)) == pytest.approx(expected, abs=1e-4)


def test_no_queries_have_no_features() -> None:
    nobody = np.empty(0, np.int32)
    held = nothing_held_out(0, 7)
    found = features_of(QUERY.only(slice(0, 0)), GENUS, None, nobody, np.empty(0, np.float32), NEAR, held)
    assert found.shape == (0, 13)
    assert found.dtype == np.float32


# -- evidence ------------------------------------------------------------------------------------------------


def random_hits(rng: np.random.Generator, genomes: int) -> Hits:
    """Six hits of one query by descending score, of genomes that may come twice; the last may be missing.

    Numbers are coarse, so that many are equal.
    """
    missing = rng.random((3, 6)) < 0.2
    measured = np.where(missing, NAN, [rng.integers(low, 11, 6) * 10 for low in (6, 0, 0)])
    rows = rng.integers(0, genomes, 6).tolist()
    found = hits(rows, rng.integers(-4, 5, 6) / 4, rng.integers(5, 8, 6) / 8, *measured)
    found = found.take(np.argsort(-found.score, axis=1, kind="stable"))
    return replace(found, rows=np.where(np.arange(6) < rng.integers(1, 7), found.rows, -1))


def changed(query: Hits, table: str, place: int, value: float) -> Hits:
    values = getattr(query, table).copy()
    values[0, place] = value
    return replace(query, **{table: values})


@given(seed=st.integers(0, 2**32 - 1), data=st.data())
@settings(deadline=None, max_examples=500)
def test_more_evidence_for_the_elected_name_lowers_no_feature_of_evidence(
    seed: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    genomes = 10
    by = Level("genus", tuple("abc"), rng.integers(-1, 3, genomes).astype(np.int32))
    finer = Level("species", tuple("abcdef"), rng.integers(-1, 6, genomes).astype(np.int32))
    neighbours = rng.integers(-1, genomes, (genomes, 4)).astype(np.int32)
    near = NeighbourTable(neighbours, -np.sort(-rng.integers(0, 9, (genomes, 4)).astype(np.float32) / 2))
    query = random_hits(rng, genomes)
    codes = [int(by.codes[row]) for row in query.rows[0] if row >= 0]
    elected = data.draw(st.sampled_from((codes[0], *codes)))
    place = data.draw(st.sampled_from((0, *range(len(codes)))))
    is_best = codes[place] == elected and place == 0
    of_score = ("similarity", "kmer_identity") if is_best else ()
    table = data.draw(st.sampled_from(("ani", "af_query", "af_reference", *of_score)))
    before = getattr(query, table)[0, place].item()
    if codes[place] == elected:
        most = 1 if table in of_score else 100
        value = data.draw(st.floats(0 if isnan(before) else before, most, width=32))
    else:
        value = NAN if isnan(before) else data.draw(st.floats(0, before, width=32) | st.just(NAN))
    below = data.draw(st.sampled_from((None, finer)))
    weaker = features(query, elected, by, below, near)
    stronger = features(changed(query, table, place, value), elected, by, below, near)
    assert {name: stronger[name] - weaker[name] for name in EVIDENCE if stronger[name] < weaker[name]} == {}


@pytest.mark.parametrize(
    ("table", "place", "value", "rising"),
    [
        ("ani", 0, 90, {"ani", "ani lead"}),
        ("ani", 2, 99, {"ani", "ani lead"}),
        ("af_reference", 2, 60, {"af"}),
        ("ani", 1, 80, {"ani lead"}),
        (
            "similarity",
            0,
            1,
            {
                "score lead", "above isolation", "above local isolation", "above cohesion",
                "above local cohesion", "above local nearest",
            },
        ),
    ],
)  # fmt: skip
def test_what_rises_with_more_evidence(table: str, place: int, value: float, rising: set[str]) -> None:
    before = features(replace(QUERY, ani=np.array([[88, 88, 87, NAN]], np.float32)))
    after = features(
        changed(replace(QUERY, ani=np.array([[88, 88, 87, NAN]], np.float32)), table, place, value)
    )
    assert {name for name in FEATURES if after[name] > before[name]} == rising
    assert {name for name in FEATURES if after[name] < before[name]} == set()


# -- relative to the required ANI ----------------------------------------------------------------------------


def test_each_elected_species_requires_its_threshold_without_the_query_itself() -> None:
    neighbours = species_neighbours([98] * 7, [90] * 7, same_row=[1, 0, -1, -1, -1, -1, -1])
    thresholds = SpeciesThresholds(neighbours, {"species": SPECIES}, np.full(7, "virus"))
    query = join_hits(QUERY, QUERY, hits([-1, 3, 2, 5]), QUERY)
    elected = np.array([0, -1, int(SPECIES.codes[2]), int(SPECIES.codes[4])], np.int32)
    found = required_ani(query, np.array([1, -1, -1, -1]), elected, SPECIES, thresholds)
    expected = [thresholds.required(0, (1,)), 0, thresholds.required(2), 0]  # no hit has the last species
    assert found == pytest.approx(expected)
    assert found.dtype == np.float32
    assert thresholds.required(0, (1,)) != thresholds.required(0)


def test_hits_without_a_species_require_nothing() -> None:
    thresholds = SpeciesThresholds(species_neighbours([98] * 7, [90] * 7), {}, np.full(7, "virus"))
    elected = np.array([-1, 0], np.int32)
    query = join_hits(hits([6, 6]), hits([-1, -1]))
    assert required_ani(query, np.array([-1, -1]), elected, SPECIES, thresholds).tolist() == [0, 0]


def test_the_required_ani_is_subtracted_from_the_ani_alone() -> None:
    table = np.arange(3 * len(FEATURES), dtype=np.float32).reshape(3, -1)
    found = relative_to_required(table, np.array([95, 0, 97.5], np.float32))
    column = FEATURES.index("ani")
    expected = table.copy()
    expected[:, column] -= [95, 0, 97.5]
    assert found.tolist() == expected.tolist()
    assert table[0, column] == column  # the table itself is as before
