"""What identity a species asks for, and who says so: its own genomes, its kin, or the prior."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.model import Model
from genome_index.index.calibration.thresholds import PRIOR_WEIGHT, RANGE, WIDEST, prior_of
from genome_index.records import counted
from genome_index.taxonomy.levels import UNKNOWN

LEAST_SAID = 0.005  # share of a voice that is worth a word


@dataclass(frozen=True)
class Voice:
    """Who has a say in a threshold."""

    level: str  # species, genus, family, molecule, or prior
    name: str  # of the taxon, or the kind of molecule
    genomes: int  # of it that have a compared fellow of their species; 0 for the prior
    share: float  # of the threshold, 0 to 1; those of all voices sum to 1


@dataclass(frozen=True)
class Asked:
    """What a species asks of a genome that is to bear its name."""

    molecule: str  # prokaryote, virus, organelle, plasmid or other
    ani: float  # percent, learned
    af: float  # percent that must be aligned; the prior
    lead: float  # points of ANI by which the species must beat every other; the prior
    prior_ani: float  # percent, before the index has said anything
    is_at_limit: bool  # a learned ANI stays within what is known of its kind
    voices: tuple[Voice, ...]  # the nearest first, the prior last
    says: str  # the same as a sentence


class Asks:
    """What each species of an index asks for."""

    def __init__(self, model: Model) -> None:
        known = ~np.isnan(model.species_neighbours.same)
        self._model, self._thresholds = model, model.thresholds
        self._speakers = {
            rank: _counts(model.levels[rank].codes[known], len(model.levels[rank].names))
            for rank in ("species", "genus", "family")
            if rank in model.levels
        }
        self._of_kind = Counter(model.molecules[known].tolist())

    def of(self, row: int) -> Asked | None:
        """What the species of a genome asks for; None where it has none to rely on."""
        species = self._model.levels.get("species")
        if species is None or species.codes[row] == UNKNOWN:
            return None
        kind = str(self._model.molecules[row])
        prior, ani = prior_of(kind), self._thresholds.needed(row)
        voices, at_limit = tuple(self._voices(row, kind)), ani in RANGE.get(kind, WIDEST)
        says = _sentence(voices, ani, prior.ani, kind, at_limit)
        return Asked(kind, round(ani, 2), prior.af, prior.margin, prior.ani, at_limit, voices, says)

    def _voices(self, row: int, kind: str) -> Iterator[Voice]:
        """Each level leaves to the next what PRIOR_WEIGHT genomes are worth: see thresholds.py."""
        speakers = [(*self._taxon(rank, row), rank) for rank in self._speakers]
        rest = 1.0
        for genomes, name, level in [*speakers, (self._of_kind[kind], kind, "molecule")]:
            if genomes:  # then they are two at least: who has a fellow is one
                yield Voice(level, name, genomes, round(rest * genomes / (PRIOR_WEIGHT + genomes), 4))
                rest *= PRIOR_WEIGHT / (PRIOR_WEIGHT + genomes)
        yield Voice("prior", kind, 0, round(rest, 4))

    def _taxon(self, rank: str, row: int) -> tuple[int, str]:
        level = self._model.levels[rank]
        code = int(level.codes[row])
        return (0, "") if code == UNKNOWN else (int(self._speakers[rank][code]), level.names[code])


def _counts(codes: npt.NDArray[np.int32], names: int) -> npt.NDArray[np.int64]:
    return np.bincount(codes[codes != UNKNOWN], minlength=names)


def _sentence(voices: tuple[Voice, ...], ani: float, prior: float, kind: str, at_limit: bool) -> str:
    if len(voices) == 1:
        return f"{prior:g} % ANI, the prior: no genomes here show how far apart members of a species are."
    told = [f"{_whose(one, prior)} ({100 * one.share:.0f} %)" for one in voices if one.share >= LEAST_SAID]
    said = f"{ani:.1f} % ANI, from {' and '.join(filter(None, (', '.join(told[:-1]), told[-1])))}."
    bound = "less" if ani == RANGE.get(kind, WIDEST)[0] else "more"
    return f"{said} Nothing of kind {kind} is asked for {bound}." if at_limit else said


def _whose(one: Voice, prior: float) -> str:
    if one.level == "prior":
        return f"the prior of {prior:g} %"
    if one.level == "molecule":
        return f"{counted(one.genomes)} of kind {one.name}"
    whose = one.level if one.level == "species" else f"{one.level} {one.name}"  # the page bears its name
    return f"{counted(one.genomes)} of the {whose}"
