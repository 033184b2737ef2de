"""Elections: the elected name of each level with its features, its probability, and where both come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import expm1

import numpy as np

from genome_index.classify.elected_names import (
    PRIOR_KMER_IDENTITY,
    PRIOR_REACHED,
    Name,
    NameBasis,
)
from genome_index.classify.explanation.feature_texts import PERCENT_OF_ONE, SPECIES_ANI, TEXTS
from genome_index.classify.explanation.records import Election, Feature
from genome_index.classify.strong_match import IDENTICAL_CONFIDENCE
from genome_index.index.calibration.calibrator import DEFAULT_THRESHOLD, Calibrator
from genome_index.index.calibration.call_threshold import NEVER, THRESHOLDS
from genome_index.index.calibration.features import FEATURES, LEAST_ANI
from genome_index.index.calibration.model import Model
from genome_index.records import RANKS
from genome_index.taxonomy.levels import UNKNOWN

OF_ANI = ("ani", "ani lead")
NO_ANI = f"no ANI: counts as {LEAST_ANI:g} %"
NO_BASIS = NameBasis(0.0, None, 0.0, 0.0)


def elections(model: Model, names: Mapping[str, Name]) -> tuple[Election, ...]:
    """The election of each level, most specific rank first, then labels."""
    ranks = [rank for rank in reversed(RANKS) if rank in names]
    finer = dict(zip(ranks[1:], ranks, strict=False))
    levels = [*ranks, *(level for level in names if level not in RANKS)]
    return tuple(_election(model, level, names[level], finer.get(level, "")) for level in levels)


def _election(model: Model, level: str, name: Name, finer: str) -> Election:
    calibrator, basis = model.calibrators.get(level), name.basis or NO_BASIS
    known = name.code != UNKNOWN
    return Election(
        level,
        model.levels[level].names[name.code] if known else None,
        basis.share,
        name.probability,
        *_probability_source(level, name, basis, finer, calibrator),
        name.required,
        *_required_source(name, calibrator, model.is_outdated),
        name.is_called(),
        basis.learned if calibrator and known else None,
        calibrator.highest if calibrator and known else None,
        calibrator.intercept if calibrator and known else None,
        _features(level, calibrator, basis) if calibrator and known else (),
    )


def _probability_source(
    level: str, name: Name, basis: NameBasis, finer: str, calibrator: Calibrator | None
) -> tuple[str, str]:
    """Where a probability comes from, as a word and as a clause."""
    if name.code == UNKNOWN:
        return "nothing", "no candidate has a name"
    if name.probability > max(basis.learned, basis.strong):
        return "finer rank", f"that of the {finer}; {basis.learned:.2f} else"
    if name.by_prior:
        word = "identical genome" if basis.strong == IDENTICAL_CONFIDENCE else "strong match"
        return word, f"{word}; {basis.learned:.2f} else"
    if calibrator is not None:
        return "calibrator", f"{calibrator.samples:,} simulated queries"
    least = PRIOR_KMER_IDENTITY.get(level)
    if least is None:
        return "shared k-mers", "prior"
    side = "from" if basis.learned == PRIOR_REACHED else "below"
    return "shared k-mers", f"prior: k-mers {side} {100 * least:g} %"


def _required_source(name: Name, calibrator: Calibrator | None, is_outdated: bool) -> tuple[str, str]:
    """Where the least probability comes from, as a word and as a clause."""
    if calibrator is None:
        return "prior", "prior: calibration outdated" if is_outdated else "prior: too few genomes"
    if name.required < name.threshold:
        return "prior", "prior: strong match"
    if calibrator.threshold >= NEVER:
        return "too few", "never: too few names"
    if calibrator.threshold == DEFAULT_THRESHOLD:
        return "default", "default: nothing to learn from"
    limits = {THRESHOLDS[0]: "learned: at its lowest", THRESHOLDS[1]: "learned: at its highest"}
    return "simulated queries", limits.get(calibrator.threshold, "learned")


def _features(level: str, calibrator: Calibrator, basis: NameBasis) -> tuple[Feature, ...]:
    """The features of an elected name in the units that a person reads."""
    if basis.features is None:
        return ()
    added = calibrator.contributions(basis.features[None])[0]
    table = np.column_stack([basis.features, calibrator.knots[:, 0], calibrator.knots[:, -1], added])
    note = "" if basis.features[FEATURES.index("af")] else NO_ANI
    return tuple(
        _feature(level, name, note if name in OF_ANI else "", row)
        for name, row in zip(FEATURES, table.tolist(), strict=True)
    )


def _feature(level: str, name: str, note: str, row: Sequence[float]) -> Feature:
    """One feature from its value, the ends of the learned range, and its log-odds."""
    text, unit = SPECIES_ANI if (name, level) == ("ani", "species") else TEXTS[name]
    value, low, high = (_in_unit(name, number) for number in row[:3])
    return Feature(name, text, unit, value, low, high, row[3], note)


def _in_unit(name: str, number: float) -> float:
    """Shares in percent, and the number of hits instead of its logarithm."""
    if name == "hits of the name":
        return round(expm1(number), 3)
    return 100 * number if name in PERCENT_OF_ONE else number
