"""Strong matches: a species or a genus so near, and every other so far, that the prior of the kind holds.

An index of few genomes cannot learn how often such a match is right, and a calibrator that has seen few must
not make it less than what the kind of molecule leads to expect.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import Hits
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.thresholds import Prior, prior_of
from genome_index.taxonomy.levels import UNKNOWN, Level

FAR_ABOVE = (
    0.2  # of the way from the required ANI to 100 %: from here on a match is strong, if it has no rival
)
IDENTICAL_ANI, IDENTICAL_AF = 99.99, 99.9  # percent, in both directions: the same genome
IDENTICAL_CONFIDENCE = 0.98  # that its species is right; of identical genomes few have two names
# Species of other genera lie below about 74 % ANI over a third of a type strain's genome, in the mean of the
# genera (Barco 2020): 90 % over half of it is far above. Viruses of one genus share 70 % (Turner 2021).
GENUS_BELOW_SPECIES = 5.0  # points of ANI under the prior of the species: 90 %, of organelles 94 %
GENUS_LEAST_ANI = 82.0  # percent; at lower ANI less than a half of two genomes is aligned
MOBILE = "plasmid"
GENUS_MARGIN = 5.0  # points of ANI by which every other genus must be farther

Codes = npt.NDArray[np.int32]
Doubles = npt.NDArray[np.float64]


def strong_species_confidence(
    model: Model, hits: Hits, species: Level, elected: Codes, required: npt.NDArray[np.float32]
) -> Doubles:
    """The least probability of an elected species whose match is strong, 0 where it is not: (Q,).

    A match is strong if ANI is FAR_ABOVE the required ANI (Q,), enough of both genomes is aligned, and no
    other species is within the margin.
    """
    confidence = np.zeros(len(elected))
    codes = np.where(hits.rows >= 0, species.codes[hits.rows], UNKNOWN)
    for i in np.flatnonzero((elected != UNKNOWN) & (required > 0)).tolist():
        own = codes[i] == elected[i]
        prior = prior_of(str(model.molecules[hits.rows[i][own][0]]))
        highest, rival = _highest_and_rival(hits, i, own, codes[i] != UNKNOWN, prior.af)
        if highest < required[i] + FAR_ABOVE * (100 - required[i]) or rival > highest - prior.margin:
            continue
        least_af = np.fmin(hits.af_query[i], hits.af_reference[i])
        is_identical = (own & (hits.ani[i] >= IDENTICAL_ANI) & (least_af >= IDENTICAL_AF)).any()
        confidence[i] = IDENTICAL_CONFIDENCE if is_identical else prior.confidence
    return confidence


def strong_genus_confidence(model: Model, hits: Hits, genus: Level, elected: Codes) -> Doubles:
    """The least probability of an elected genus whose match is strong, 0 where it is not: (Q,).

    A match is strong if the closest reference of the genus has an ANI of `genus_ani`, enough of both genomes
    is aligned, and no other genus is within GENUS_MARGIN. Plasmids cross genera: none of their matches is
    strong (with the genus left out 12 % were called, tests/bench/RESULTS.md).
    """
    confidence = np.zeros(len(elected))
    codes = np.where(hits.rows >= 0, genus.codes[hits.rows], UNKNOWN)
    for i in np.flatnonzero(elected != UNKNOWN).tolist():
        own = codes[i] == elected[i]
        kind = str(model.molecules[hits.rows[i][own][0]])
        prior = prior_of(kind)
        highest, rival = _highest_and_rival(hits, i, own, codes[i] != UNKNOWN, prior.af)
        if kind != MOBILE and highest >= genus_ani(prior) and rival <= highest - GENUS_MARGIN:
            confidence[i] = prior.confidence
    return confidence


def genus_ani(prior: Prior) -> float:
    """The ANI in percent from which on a match is strong for its genus, by the kind of molecule."""
    return max(prior.ani - GENUS_BELOW_SPECIES, GENUS_LEAST_ANI)


def _highest_and_rival(
    hits: Hits, query: int, own: npt.NDArray[np.bool_], named: npt.NDArray[np.bool_], af: float
) -> tuple[float, float]:
    """The highest ANI of a name's hits, aligned in both directions, and of any other name's, in one: (K,)."""
    ani, of_query, of_reference = hits.ani[query], hits.af_query[query], hits.af_reference[query]
    highest = np.max(ani, where=own & (np.fmin(of_query, of_reference) >= af), initial=0)
    rival = np.max(ani, where=~own & named & (np.fmax(of_query, of_reference) >= af), initial=0)
    return float(highest), float(rival)
