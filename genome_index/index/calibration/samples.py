"""Samples for calibration: what simulated queries answer at one level, and whether it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.calibrator import Samples
from genome_index.index.calibration.features import FEATURES, features_of, relative_to_required, required_ani
from genome_index.index.calibration.hits import NeighbourTable
from genome_index.index.calibration.simulate import SimulatedQueries
from genome_index.index.calibration.thresholds import SpeciesThresholds
from genome_index.index.calibration.vote import Vote, elect
from genome_index.records import RANKS
from genome_index.taxonomy.levels import UNKNOWN, Level, finer_level

Rows = npt.NDArray[np.int64]

MIXTURE: Mapping[str, float] = {"nothing": 0.15, "genome": 0.4, "species": 0.25, "genus": 0.2}
"""Expected share of queries for which the index lacks nothing, their own genome, species or genus."""


LABEL_SHARE = 0.25  # the same for the value of a label, such as a subtype, instead of species and genus


def mixture_for(level: str) -> dict[str, float]:
    """The mixture at one level. Above genus, half of the share of genus goes to the level itself held out.

    Otherwise no simulated query at that level would be wrong because the index lacks the right answer. A
    label is a property within a species: its own value is held out, not species or genus, whose share goes to
    it and to the genome (tests/bench/RESULTS.md).

    >>> mixture_for("family")
    {'nothing': 0.15, 'genome': 0.4, 'species': 0.25, 'genus': 0.1, 'family': 0.1}
    >>> mixture_for("subtype")
    {'nothing': 0.15, 'genome': 0.6, 'subtype': 0.25}
    """
    if level not in RANKS:
        nothing = MIXTURE["nothing"]
        return {"nothing": nothing, "genome": 1 - nothing - LABEL_SHARE, level: LABEL_SHARE}
    shares = dict(MIXTURE)
    if level in RANKS[: RANKS.index("genus")]:
        shares |= {"genus": MIXTURE["genus"] / 2, level: MIXTURE["genus"] / 2}
    return shares


def samples_of(
    levels: Mapping[str, Level],
    name: str,
    simulated: SimulatedQueries,
    neighbours: NeighbourTable,
    thresholds: SpeciesThresholds,
    vote: Vote,
    share_of_mixture: float = 1.0,
) -> Samples | None:
    """The answers of one regime at the level `name`; None if no query has both a name and an answer there."""
    level, hits, held = levels[name], simulated.hits, simulated.held
    elected, share = elect(hits, level, vote)
    features = features_of(hits, level, finer_level(levels, name), elected, share, neighbours, held)
    if name == "species":
        required = required_ani(hits, held.self_rows, elected, level, thresholds)
        features = relative_to_required(features, required)
    usable = _usable(name, level, simulated, elected)
    if not usable.any():
        return None
    count = int(usable.sum())
    return Samples(
        features[usable],
        (elected == level.codes[simulated.rows])[usable],
        np.full(count, share_of_mixture / count),
        np.full(count, simulated.regime == "species"),
        np.full(count, simulated.regime == name),
        are_alone(level, simulated)[usable] & (simulated.regime != name),
        features[usable, FEATURES.index("ani")] >= 0 if name == "species" else np.ones(count, bool),
        relatives(levels, simulated.rows[usable], name),
        np.full(count, simulated.regime != "nothing"),
    )


def _usable(
    name: str, level: Level, simulated: SimulatedQueries, elected: npt.NDArray[np.int32]
) -> npt.NDArray[np.bool_]:
    """Which queries have a name and an answer: (Q,).

    With only its genome held out, a query alone in its species is left out: the species regime has it.
    """
    own = level.codes[simulated.rows]
    usable = (own != UNKNOWN) & (elected != UNKNOWN)
    if name == "species" and simulated.regime == "genome":
        usable &= np.bincount(level.codes[level.codes != UNKNOWN], minlength=1)[own] > 1
    return np.asarray(usable)


def are_alone(level: Level, simulated: SimulatedQueries) -> npt.NDArray[np.bool_]:
    """Whether all references of a query's name were held out with what was: (Q,)."""
    held, own = simulated.held, level.codes[simulated.rows]
    references = np.bincount(level.codes[level.codes != UNKNOWN], minlength=len(level.names) + 1)[own]
    both = level.codes.astype(np.int64) * (int(held.codes.max(initial=0)) + 2) + held.codes
    pairs, counts = np.unique(both, return_counts=True)
    of_code = counts[np.searchsorted(pairs, both[simulated.rows])]
    barred = np.where(held.own != UNKNOWN, of_code, held.self_rows >= 0)
    return np.asarray((own != UNKNOWN) & (barred == references))


def relatives(levels: Mapping[str, Level], rows: Rows, level: str = "genus") -> Rows:
    """A number for each group of relatives; a genome without a group has a number of its own: (Q,) -> (Q,).

    Relatives are of one genus; for a `level` above genus, of one name there; for a label, of one species with
    one value.
    """
    if level not in RANKS:
        return _values_of_species(levels, rows, level)
    group = level if level in RANKS[: RANKS.index("genus")] else "genus"
    codes = levels[group].codes[rows] if group in levels else np.full(len(rows), UNKNOWN)
    return np.where(codes == UNKNOWN, -1 - rows, codes)


def _values_of_species(levels: Mapping[str, Level], rows: Rows, label: str) -> Rows:
    """A number for each value of a label in each species: two species may use the same word."""
    values = levels[label].codes[rows].astype(np.int64)
    species = levels["species"].codes[rows] if "species" in levels else np.full(len(rows), UNKNOWN)
    numbers = (species + 1) * len(levels[label].names) + values
    return np.where(values == UNKNOWN, -1 - rows, numbers)


def join_samples(parts: Sequence[Samples]) -> Samples | None:
    """The samples of all regimes, weighted so that the weights add up to the number of samples."""
    if not parts:
        return None
    joined = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Samples)
    }
    weight = joined["weight"]
    return Samples(**joined | {"weight": weight * len(weight) / weight.sum()})
