"""Calibration of one level: choose how hits vote, fit the calibrator, learn its threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from genome_index.index.calibration.calibrator import Calibrator, Samples, fit_calibrator
from genome_index.index.calibration.call_threshold import NEVER, with_threshold
from genome_index.index.calibration.hits import NeighbourTable
from genome_index.index.calibration.samples import join_samples, mixture_for, samples_of
from genome_index.index.calibration.simulate import SimulatedQueries
from genome_index.index.calibration.thresholds import SpeciesThresholds
from genome_index.index.calibration.vote import Vote, elect
from genome_index.records import RANKS
from genome_index.taxonomy.levels import UNKNOWN, Level

LEAST_SAMPLES = 8  # for a calibrator; a level with fewer has none
LEAST_NAMES = 4  # of a rank above species, for it to be called: with fewer it is hardly ever wrong here
FEW_NAMES = 10  # with fewer, one name is more than FALSE_CALLS of them: no threshold for new names is learned
FEW_NAMES_THRESHOLD = 0.90  # the least then; learned from five genera of viruses, 0.5 let the sixth be called
SOME_NAMES = 20  # with fewer, hardly one may be called falsely, and which those are is chance
SOME_NAMES_THRESHOLD = 0.80  # the least then; families of 20 bacteria were called falsely for 6 % without it
VOTE_QUERIES = 2_000  # that compare ways to vote, about
VOTES = tuple(
    Vote(weight, temperature) for temperature in (0.05, 0.02, 0.1, 0.2) for weight in (8.0, 2.0, 0.0)
)
"""Ways to vote that a level chooses from, the default first."""


def calibrate(
    levels: Mapping[str, Level],
    name: str,
    simulated: Sequence[SimulatedQueries],
    neighbours: NeighbourTable,
    thresholds: SpeciesThresholds,
) -> Calibrator | None:
    """The calibrator of the level `name`, or None where the index has too little to learn it from."""
    vote = best_vote(levels, name, simulated)
    shares = mixture_for(name)
    parts = [
        samples_of(levels, name, queries, neighbours, thresholds, vote, shares[queries.regime])
        for queries in simulated
        if queries.regime in shares
    ]
    samples = join_samples([part for part in parts if part is not None])
    return fit_level(levels[name], samples, vote, has_ceiling=name == "species")


def fit_level(
    level: Level, samples: Samples | None, vote: Vote, has_ceiling: bool = False
) -> Calibrator | None:
    """Fit calibrator, threshold and, with `has_ceiling`, its highest probability.

    None if samples are too few or all wrong.

    A rank above species with fewer than LEAST_NAMES names gets the threshold NEVER, with fewer than FEW_NAMES
    at least FEW_NAMES_THRESHOLD, and with fewer than SOME_NAMES at least SOME_NAMES_THRESHOLD.
    """
    if samples is None or len(samples.right) < LEAST_SAMPLES or not samples.right.any():
        return None
    fitted = with_threshold(fit_calibrator(samples, vote), samples, level.name not in RANKS, has_ceiling)
    return replace(fitted, threshold=max(fitted.threshold, _least_threshold(level)))


def _least_threshold(level: Level) -> float:
    """The least threshold that a level of so few names may have; 0 where there are enough."""
    names = len(level.members())
    if level.name not in RANKS[: RANKS.index("species")] or names >= SOME_NAMES:
        return 0.0
    if names >= FEW_NAMES:
        return SOME_NAMES_THRESHOLD
    return NEVER if names < LEAST_NAMES else FEW_NAMES_THRESHOLD


def best_vote(levels: Mapping[str, Level], name: str, simulated: Sequence[SimulatedQueries]) -> Vote:
    """The way to vote that is right most often where a right answer exists; on a tie the first of VOTES.

    `simulated` begins with the regime in which only the genome is held out.
    """
    level, queries = levels[name], simulated[0]
    counts = np.bincount(level.codes[level.codes != UNKNOWN], minlength=len(level.names))
    own = level.codes[queries.rows]
    answerable = (own != UNKNOWN) & (counts[own] > 1)
    every = max(1, int(answerable.sum()) // VOTE_QUERIES + 1)
    chosen = answerable & (np.arange(len(own)) % every == 0)
    if not chosen.any():
        return VOTES[0]
    hits = queries.hits.only(chosen)
    right = [int((elect(hits, level, vote)[0] == own[chosen]).sum()) for vote in VOTES]
    return VOTES[int(np.argmax(right))]
