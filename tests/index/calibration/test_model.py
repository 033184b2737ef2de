"""Model on disk: the names of format 1, a round trip, and a calibration of another version."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.handmade import NAN, calibrator, levels, no_projection, species_neighbours, vectors
from helpers.handmade import model as handmade_model

from genome_index.index.calibration.features import FEATURES
from genome_index.index.calibration.hits import NeighbourTable
from genome_index.index.calibration.model import CANDIDATES, Model, load_pairs
from genome_index.index.store.pair_table import PairTable

LEVELS = levels(genus=["A", "A", "B"], species=["a", "b", None])
PAIRS = PairTable(3, np.array([1, 2]), np.array([[97, 80, 70], [NAN, NAN, NAN]], np.float32))


def made() -> Model:
    return handmade_model(
        LEVELS,
        projection=no_projection(2),
        vectors=vectors([[1, 0], [0, 1], [1, 1]]),
        live=np.array([True, False, True]),
        molecules=np.array(["virus", "prokaryote", "organelle"]),
        neighbours=NeighbourTable(
            np.array([[1, 2], [0, 2], [-1, -1]], np.int32), np.array([[2, 1], [2, 0], [0, 0]], np.float32)
        ),
        species_neighbours=species_neighbours([98, NAN, NAN], [90, 91, NAN], [1, -1, -1], [2, 0, -1]),
        calibrators={"genus": calibrator({"ani": 0.25, "share": 1.0}, 0.7)},
        least_similarity=0.31,
        fitted=3,
    )


def test_a_model_round_trips(tmp_path: Path) -> None:
    made().save(tmp_path, PAIRS)
    found, expected = Model.load(tmp_path), made()
    assert found.projection.matrix.tolist() == expected.projection.matrix.tolist()
    assert found.vectors.rows().tolist() == expected.vectors.rows().tolist()
    assert found.live.tolist() == [True, False, True]
    assert found.molecules.tolist() == ["virus", "prokaryote", "organelle"]
    assert list(found.levels) == ["genus", "species"]
    for name, each in found.levels.items():
        assert (each.name, each.names) == (name, LEVELS[name].names)
        assert each.codes.tolist() == LEVELS[name].codes.tolist()
    assert found.neighbours.rows.tolist() == expected.neighbours.rows.tolist()
    assert found.neighbours.score.tolist() == expected.neighbours.score.tolist()
    for name in ("same", "same_row", "other", "other_row"):
        np.testing.assert_array_equal(
            getattr(found.species_neighbours, name), getattr(expected.species_neighbours, name)
        )
    assert found.calibrators["genus"].to_json() == expected.calibrators["genus"].to_json()
    assert (found.least_similarity, found.fitted, found.is_outdated) == (0.31, 3, False)
    pairs = load_pairs(tmp_path)
    assert (pairs.width, pairs.keys.tolist()) == (3, [1, 2])
    np.testing.assert_array_equal(pairs.values, PAIRS.values)


def test_names_on_disk_are_those_of_format_1(tmp_path: Path) -> None:
    made().save(tmp_path, PAIRS)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "calibration.json",
        "projection.npz",
        "references.npz",
        "vectors.faiss",
    ]
    with np.load(tmp_path / "references.npz", allow_pickle=False) as arrays:
        assert sorted(arrays) == [
            "Fellows.fellow",
            "Fellows.fellow_row",
            "Fellows.other",
            "Fellows.other_row",
            "Surroundings.rows",
            "Surroundings.score",
            "codes.genus",
            "codes.species",
            "live",
            "molecules",
            "pairs.keys",
            "pairs.values",
        ]
        assert arrays["molecules"].dtype == np.dtype("U16")
    values = json.loads((tmp_path / "calibration.json").read_text())
    assert sorted(values) == ["calibrators", "features", "fitted", "least_similarity", "levels"]
    assert values["levels"] == {"genus": ["A", "B"], "species": ["a", "b"]}
    assert values["features"] == [
        "ani", "af", "ani lead", "k-mer identity", "score lead", "share", "hits of the name",
        "above isolation", "above local isolation", "above cohesion", "above local cohesion",
        "above local nearest", "alone",
    ]  # fmt: skip
    assert values["features"] == list(FEATURES)
    assert sorted(values["calibrators"]) == ["genus"]
    genus = values["calibrators"]["genus"]
    assert sorted(genus) == ["highest", "knots", "samples", "threshold", "vote", "weights"]
    assert genus["vote"] == {"word_weight": 8.0, "temperature": 0.05}
    assert (len(genus["knots"]), len(genus["weights"])) == (13, 14)
    assert (genus["threshold"], genus["samples"]) == (0.7, 100)


OLD = ["best", "margin", "share"]


@pytest.mark.parametrize("features", [OLD, [], None, [*FEATURES, "best"], list(FEATURES[::-1])])
def test_a_calibration_of_other_features_is_left_out(features: list[str] | None, tmp_path: Path) -> None:
    made().save(tmp_path, PAIRS)
    values = json.loads((tmp_path / "calibration.json").read_text())
    values["features"] = features
    if features is None:
        del values["features"]
    values["calibrators"] = {"genus": {"mean": [0.0], "scale": [1.0]}}  # of a form that is not read any more
    (tmp_path / "calibration.json").write_text(json.dumps(values))
    found, expected = Model.load(tmp_path), made()
    assert found.is_outdated
    assert found.calibrators == {}
    assert list(found.levels) == ["genus", "species"]
    assert found.neighbours.rows.tolist() == expected.neighbours.rows.tolist()
    assert found.thresholds.required(0) == expected.thresholds.required(0)
    assert (found.least_similarity, found.fitted) == (0.31, 3)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    """They would run code of whoever wrote the index."""
    made().save(tmp_path, PAIRS)
    with np.load(tmp_path / "references.npz") as arrays:
        stored = dict(arrays)
    stored["live"] = stored["pairs.keys"] = np.array([object()])
    np.savez(tmp_path / "references.npz", **stored)
    for read in (Model.load, load_pairs):
        with pytest.raises(ValueError, match="allow_pickle=False"):
            read(tmp_path)


def test_thresholds_are_those_of_the_neighbours_and_levels() -> None:
    found = made()
    assert found.thresholds.required(0) == 95.0
    assert found.thresholds is found.thresholds
    assert CANDIDATES == 50
