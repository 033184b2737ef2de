"""Features of elected names: each column by hand on a small table, and all against a slow oracle."""

from __future__ import annotations

from math import exp, isnan, log

import numpy as np
import pytest
from helpers.handmade import NAN, hits, join_hits, level, no_neighbours, species_neighbours

from genome_index.index.calibration import features as module
from genome_index.index.calibration.features import FEATURES, features_of, relative_to_required
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


# Isolation of rows 0, 3, 2, 5: 1.0, 1.0, 0.8, 0.6; cohesion: 3.0, 2.5, 2.0, unknown.
def success(width: float) -> float:
    """How often the nearest neighbour of a hit, about 2.9 near, has its name; all but row 5's have."""
    weight = [exp(-(((nearest - 2.9) / width) ** 2) / 2) for nearest in (3.0, 2.5, 2.0, 0.6)]
    return (sum(weight[:3]) + 0.25) / (sum(weight) + 0.5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("best", 2.9),
        ("margin", 2.9 - 2.4),
        ("share", 0.625),
        ("similarity", 0.9),
        ("k-mer identity", 0.85),
        ("above isolation", 2.9 - 1.0),
        ("above local isolation", 2.9 - (1.0 + 1.0 + 0.8 + 0.6) / 4),
        ("above cohesion", 2.9 - 3.0),
        ("above local cohesion", 2.9 - (3.0 + 2.5 + 2.0) / 3),
        ("alone", 0),
        ("second", 1.9 - 2.9),
        ("density", (2.9 + 2.4 + 1.9 + 0.1) / 4),
        ("hits of the name", log(3)),
        ("ani", 88),
        ("af", 50),
        ("ani margin", 2),
        ("local success", 3 / 4),
        ("local alone", 1 / 4),
        ("above local nearest", 2.9 - (3.0 + 2.5 + 2.0 + 0.6) / 4),
        ("contrast", 3.0 - 1.0),
        ("success, narrow", success(0.05)),
        ("success, middle", success(0.15)),
        ("success, wide", success(0.4)),
    ],
)
def test_each_feature_by_hand(name: str, expected: float) -> None:
    assert features()[name] == pytest.approx(expected, abs=1e-5)


def test_there_is_a_row_for_every_feature() -> None:
    assert len(FEATURES) == len(set(FEATURES)) == 23


def test_a_name_elected_against_the_first_hit_rests_on_its_own_first_hit() -> None:
    found = features(elected=1)
    assert found["best"] == near_to(2.4)
    assert found["margin"] == near_to(2.4 - 2.9)
    assert found["similarity"] == near_to(0.8)
    assert found["above isolation"] == near_to(2.4 - 1.0)
    assert found["above cohesion"] == near_to(2.4 - 2.5)
    assert found["second"] == near_to(0.1 - 2.4)  # no other hit of the name: the lowest score
    assert (found["ani"], found["ani margin"], found["af"]) == (86, -2, 30)


def test_a_name_of_one_genome_is_alone_and_borrows_nothing() -> None:
    found = features(elected=2)
    assert found["alone"] == 1
    assert found["above cohesion"] == 0
    assert found["contrast"] == 0
    assert found["above isolation"] == near_to(0.1 - 0.6)
    assert (found["ani"], found["af"], found["ani margin"]) == (70, 0, 70 - 88)


def test_without_an_elected_name_there_is_no_best_hit() -> None:
    found = features(elected=-1)
    assert found["best"] == near_to(0.1)  # the lowest score of the hits
    assert found["hits of the name"] == 0
    assert found["margin"] == near_to(0.1 - 2.9)


def test_without_hits_everything_is_zero_or_the_prior() -> None:
    found = features(hits([-1, -1], similarity=0))
    assert found["best"] == found["margin"] == found["density"] == 0
    assert found["local success"] == 0
    assert found["local alone"] == 1
    assert found["success, narrow"] == found["success, wide"] == 0.5
    assert found["ani"] == 70


def test_a_single_name_among_the_hits_leads_over_the_lowest_score() -> None:
    found = features(hits([0, 2, -1], similarity=[0.9, 0.4, 0], kmer_identity=0.6))
    assert found["margin"] == near_to(0.9 - 0.4)
    assert found["density"] == near_to(0.65)


def test_a_finer_level_makes_the_cohesion_that_to_another_species() -> None:
    found = features(finer=SPECIES)
    assert found["above cohesion"] == near_to(2.9 - 2.0)  # row 2, another species; row 1 is the same one
    assert found["contrast"] == near_to(2.0 - 1.0)


def test_what_is_held_out_is_not_seen_among_the_neighbours() -> None:
    held = HeldOut(np.array([1]), SPECIES.codes, np.array([int(SPECIES.codes[3])], np.int32))
    found = features(held=held)  # rows 1 and 3 are hidden
    assert found["above cohesion"] == near_to(2.9 - 2.0)
    assert found["above isolation"] == near_to(2.9 - 1.0)  # no other name is seen: the lowest neighbour


def test_only_ten_hits_are_local() -> None:
    rows = [0] * 10 + [5]
    found = features(hits(rows, similarity=[0.9] * 10 + [0.2], kmer_identity=0.6))
    assert found["density"] == near_to(0.9)
    assert found["local alone"] == 0
    assert found["local success"] == 1
    assert found["success, wide"] < 1  # of all hits, not only the ten nearest


def test_a_reference_without_neighbours_has_neither_isolation_nor_cohesion() -> None:
    found = features(near=no_neighbours(7))
    assert found["above isolation"] == found["above local isolation"] == 0
    assert found["above cohesion"] == found["above local cohesion"] == 0
    assert found["alone"] == 1


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

    def succeeds(isolation: float, cohesion: float) -> float:
        return NAN if isnan(isolation) else float(cohesion > isolation)

    best, place = highest(same, score, least)
    ani = {i: 70.0 if isnan(query.ani[0, i]) else float(query.ani[0, i]) for i in real}
    best_ani, ani_place = highest(same, ani, 70.0)
    af = [
        float(table[0, ani_place])
        for table in (query.af_query, query.af_reference)
        if not isnan(table[0, ani_place])
    ]
    everywhere = [around(int(row)) for row in query.rows[0]]
    local = everywhere[:10]
    isolation, cohesion = around(int(query.rows[0, place]))
    local_isolation = mean([i for i, _ in local], best)
    nearest = [NAN if isnan(i) and isnan(c) else float(np.fmax(i, c)) for i, c in everywhere]

    def as_near(width: float) -> float:
        weighed = [
            (exp(-(((n - best) / width) ** 2) / 2), succeeds(i, c))
            for n, (i, c) in zip(nearest, everywhere, strict=True)
            if not isnan(i)
        ]
        return (sum(w * s for w, s in weighed) + 0.25) / (sum(w for w, _ in weighed) + 0.5)

    rest = [i for i in same if i != place]
    return {
        "best": best,
        "margin": best - highest(other, score, least)[0],
        "share": share,
        "similarity": float(query.similarity[0, place]),
        "k-mer identity": float(query.kmer_identity[0, place]),
        "above isolation": best - (local_isolation if isnan(isolation) else isolation),
        "above local isolation": best - local_isolation,
        "above cohesion": 0.0 if isnan(cohesion) else best - cohesion,
        "above local cohesion": best - mean([c for _, c in local], best),
        "alone": float(isnan(cohesion)),
        "second": highest(rest, score, least)[0] - best,
        "density": mean([score[i] for i in real if i < 10], best),
        "hits of the name": log(1 + len(same)),
        "ani": best_ani,
        "af": max(af, default=0.0) if best_ani > 70 else 0.0,
        "ani margin": best_ani - highest(other, ani, 70.0)[0],
        "local success": mean([succeeds(*pair) for pair in local], 0.0),
        "local alone": mean([NAN if isnan(i) else float(isnan(c)) for i, c in local], 1.0),
        "above local nearest": best - mean(nearest[:10], best),
        "contrast": 0.0 if isnan(cohesion - isolation) else cohesion - isolation,
        "success, narrow": as_near(0.05),
        "success, middle": as_near(0.15),
        "success, wide": as_near(0.4),
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
                100 * rng.random(14),
                100 * rng.random(14),
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
        some = {name: value for name, value in zip(FEATURES, found[i].tolist(), strict=True)}
        if not (table.rows[i] >= 0).any():
            del some["similarity"], some["k-mer identity"]  # of no hit
        assert some == pytest.approx({name: expected[name] for name in some}, abs=1e-4)


def test_no_queries_have_no_features() -> None:
    nobody = np.empty(0, np.int32)
    held = nothing_held_out(0, 7)
    found = features_of(QUERY.only(slice(0, 0)), GENUS, None, nobody, np.empty(0, np.float32), NEAR, held)
    assert found.shape == (0, 23)
    assert found.dtype == np.float32


# -- relative to the required ANI ----------------------------------------------------------------------------


def test_the_required_ani_is_subtracted_for_each_elected_species() -> None:
    neighbours = species_neighbours([98] * 7, [90] * 7, same_row=[1, 0, -1, -1, -1, -1, -1])
    thresholds = SpeciesThresholds(neighbours, {"species": SPECIES}, np.full(7, "virus"))
    table = np.arange(3 * len(FEATURES), dtype=np.float32).reshape(3, -1)
    query = join_hits(QUERY, QUERY, hits([-1, 3, 2, 5]))
    elected = np.array([0, -1, int(SPECIES.codes[2])], np.int32)
    found = relative_to_required(table, query, np.array([1, -1, -1]), elected, SPECIES, thresholds)
    column = FEATURES.index("ani")
    expected = table.copy()
    expected[0, column] -= thresholds.required(0, (1,))
    expected[2, column] -= thresholds.required(2)
    assert found == pytest.approx(expected)
    assert thresholds.required(0, (1,)) != thresholds.required(0)
    assert table[0, column] == column  # the table itself is as before


def test_a_species_that_no_hit_has_keeps_its_ani() -> None:
    thresholds = SpeciesThresholds(species_neighbours([98] * 7, [90] * 7), {}, np.full(7, "virus"))
    table = np.zeros((1, len(FEATURES)), np.float32)
    elected = np.array([int(SPECIES.codes[4])], np.int32)
    assert not relative_to_required(table, QUERY, np.array([-1]), elected, SPECIES, thresholds).any()
