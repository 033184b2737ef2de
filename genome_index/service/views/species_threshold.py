"""Identity required for each species, learned from its genomes, their relatives and the prior."""

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

LEAST_SHARE = 0.005  # of a contribution that the sentence names


@dataclass(frozen=True)
class Contribution:
    """A part of a learned threshold."""

    level: str  # species, genus, family, molecule, or prior
    name: str  # of the taxon, or the kind of molecule
    genomes: int  # with a measured ANI to a genome of the same species; 0 for the prior
    share: float  # of the threshold, 0 to 1; all shares sum to 1


@dataclass(frozen=True)
class SpeciesThreshold:
    """What is required of a genome to be called a species."""

    molecule: str  # prokaryote, virus, organelle, plasmid or other
    ani: float  # percent, learned
    af: float  # percent of the genome that must be aligned; the prior
    margin: float  # points of ANI by which the species must lead every other species; the prior
    prior_ani: float  # percent, before anything is learned from the index
    is_at_limit: bool  # whether the learned ANI is at the end of the range for its kind of molecule
    contributions: tuple[Contribution, ...]  # from the species to the prior
    text: str  # the same as a sentence


class SpeciesThresholds:
    """The threshold of each species of an index."""

    def __init__(self, model: Model) -> None:
        measured = ~np.isnan(model.species_neighbours.same)
        self._model, self._thresholds = model, model.thresholds
        self._genomes_by_taxon = {
            rank: _counts(model.levels[rank].codes[measured], len(model.levels[rank].names))
            for rank in ("species", "genus", "family")
            if rank in model.levels
        }
        self._genomes_by_molecule = Counter(model.molecules[measured].tolist())

    def of(self, row: int) -> SpeciesThreshold | None:
        """The threshold for the species of the genome in a row; None if it has no callable species."""
        species = self._model.levels.get("species")
        if species is None or species.codes[row] == UNKNOWN:
            return None
        kind = str(self._model.molecules[row])
        prior, ani = prior_of(kind), self._thresholds.required(row)
        parts, at_limit = tuple(self._contributions(row, kind)), ani in RANGE.get(kind, WIDEST)
        text = _sentence(parts, ani, prior.ani, kind, at_limit)
        return SpeciesThreshold(
            kind, round(ani, 2), prior.af, prior.margin, prior.ani, at_limit, parts, text
        )  # fmt: skip

    def _contributions(self, row: int, kind: str) -> Iterator[Contribution]:
        """Each level leaves to the next level the weight of PRIOR_WEIGHT genomes: see thresholds.py."""
        taxa = [(*self._taxon(rank, row), rank) for rank in self._genomes_by_taxon]
        rest = 1.0
        for genomes, name, level in [*taxa, (self._genomes_by_molecule[kind], kind, "molecule")]:
            if genomes:
                share = genomes / (PRIOR_WEIGHT + genomes)
                yield Contribution(level, name, genomes, round(rest * share, 4))
                rest *= PRIOR_WEIGHT / (PRIOR_WEIGHT + genomes)
        yield Contribution("prior", kind, 0, round(rest, 4))

    def _taxon(self, rank: str, row: int) -> tuple[int, str]:
        """The number of measured genomes and the name of a genome's taxon at a rank."""
        level = self._model.levels[rank]
        code = int(level.codes[row])
        return (0, "") if code == UNKNOWN else (int(self._genomes_by_taxon[rank][code]), level.names[code])


def _counts(codes: npt.NDArray[np.int32], names: int) -> npt.NDArray[np.int64]:
    return np.bincount(codes[codes != UNKNOWN], minlength=names)


def _sentence(
    parts: tuple[Contribution, ...], ani: float, prior: float, kind: str, at_limit: bool
) -> str:  # fmt: skip
    if len(parts) == 1:
        return f"{prior:g} % ANI, the prior: no genomes here show how far apart members of a species are."
    named = [f"{_source(one, prior)} ({100 * one.share:.0f} %)" for one in parts if one.share >= LEAST_SHARE]
    sources = " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
    text = f"{ani:.1f} % ANI, learned from {sources}."
    bound = "lower" if ani == RANGE.get(kind, WIDEST)[0] else "higher"
    return f"{text} No threshold for kind {kind} is {bound}." if at_limit else text


def _source(part: Contribution, prior: float) -> str:
    if part.level == "prior":
        return f"the prior of {prior:g} %"
    if part.level == "molecule":
        return f"{counted(part.genomes)} of kind {part.name}"
    taxon = (
        part.level if part.level == "species" else f"{part.level} {part.name}"
    )  # the page names the species
    return f"{counted(part.genomes)} of the {taxon}"
