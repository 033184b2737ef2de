"""Evidence of one query: its hits with species, ANI and aligned fraction, as the decision reads them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from genome_index.classify.elected_names import Name
from genome_index.classify.measured import match_at
from genome_index.classify.reasons import (
    NEAREST_NAMELESS,
    NO_SPECIES_NAME,
    Match,
    query_little_aligned,
    reference_little_aligned,
)
from genome_index.index.calibration.hits import KMER_FLOOR, Hits, effective_ani
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.thresholds import SpeciesThresholds, prior_of
from genome_index.taxonomy.levels import UNKNOWN

Positions = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]


class QueryEvidence:
    """The hits of one query that has at least one: K columns, best score first.

    Hits are given by their position among the K columns.

    Attributes
    ----------
    real
        Positions of hits; there may be fewer than K references.
    best
        The hit of the elected species with the highest ANI, of those that reach its thresholds of ANI and
        aligned fraction if any does; None if no species is elected, or if its genomes share no k-mer while
        the first hit, which has no species name, does.
    runner_up
        The hit of any other species with the highest ANI; None if there is none.
    prior
        Thresholds for the kind of molecule of `best`, or of the first hit.
    """

    def __init__(
        self,
        model: Model,
        thresholds: SpeciesThresholds,
        hits: Hits,
        query: int,
        names: Mapping[str, Name],
        self_row: int,
    ) -> None:
        self.model, self.names = model, names
        self._thresholds, self._self_row = thresholds, self_row
        self._hits, self._query = hits, query
        self._rows, self._similarity = hits.rows[query], hits.similarity[query]
        self._kmer_identity, self._ani = hits.kmer_identity[query], hits.ani[query]
        self._af_query, self._af_reference = hits.af_query[query], hits.af_reference[query]
        self._effective_ani = effective_ani(hits.only(slice(query, query + 1)))[0]
        self.real = np.flatnonzero(self._rows >= 0)
        self._species = self._codes("species")
        elected = names["species"].code if "species" in names else UNKNOWN
        named = self.real[self._species[self.real] != UNKNOWN]
        members = named[self._species[named] == elected]
        self.runner_up = self._highest_ani(named[self._species[named] != elected])
        self.prior = prior_of(str(model.molecules[self._rows[members[0] if len(members) else self.first]]))
        passing = self._passing(members)
        self.best = self._highest_ani(passing if len(passing) else members)
        self._is_nameless = len(members) > 0 and self._is_first_nameless(members)
        if self._is_nameless:
            self.best = None

    @property
    def first(self) -> int:
        """The hit with the best score."""
        return int(self.real[0])

    def highest_similarity(self) -> float:
        return float(self._similarity[self.real].max())

    def is_incomparable(self) -> bool:
        """Whether all hits are farther than genomes of other genera are here, and none shares a k-mer."""
        is_far = self.highest_similarity() < self.model.least_similarity
        return is_far and bool((self._kmer_identity[self.real] <= KMER_FLOOR).all())

    def rivals(self, best: int) -> list[int]:
        """Hits of other species within the margin that are aligned well enough, highest ANI first."""
        named = self.real[self._species[self.real] != UNKNOWN]
        others = named[self._species[named] != self._species[best]].tolist()
        lowest = self._ani[best] - self.prior.margin
        rivals = [at for at in others if self._ani[at] > lowest and self._af(at) >= self.prior.af]
        return sorted(rivals, key=lambda at: -self._ani[at])

    def nearest_of(self, rank: str, code: int) -> int:
        """The hit of a name that is nearest by ANI and aligned fraction; the first, if none has an ANI."""
        return self.nearest(np.flatnonzero(self._codes(rank) == code))

    def nearest(self, positions: Positions) -> int:
        """The hit with the highest effective ANI; the first, if none has an ANI."""
        return int(positions[np.nan_to_num(self._effective_ani[positions]).argmax()])

    def nearest_below(self, best: int) -> int:
        """The nearest hit of any species, if it is below its own threshold as `best` is; else `best`."""
        at = self.nearest(self.real[self._species[self.real] != UNKNOWN])
        return at if self._ani[at] < self.species_threshold(at) else best

    def unnamed_match(self) -> int | None:
        """The nearest hit, if it has no species name but is near enough to be of the query's species."""
        at = self.nearest(self.real)
        prior = prior_of(str(self.model.molecules[self._rows[at]]))
        is_match = self._ani[at] >= prior.ani and self._af(at) >= prior.af
        return at if is_match and self._species[at] == UNKNOWN else None

    def match_without_name(self, at: int) -> Match:
        """A hit that has no species name, and an ANI."""
        return match_at(self.model, self._hits, self._query, at, "the closest genome")

    def why_no_species(self) -> str:
        """Why no species can be the query's, as a clause."""
        return NEAREST_NAMELESS if self._is_nameless else NO_SPECIES_NAME

    def is_nearest_species(self, at: int) -> bool:
        """Whether the first hit is of the same species."""
        return bool(self._species[self.first] == self._species[at])

    def species_threshold(self, at: int) -> float:
        """The ANI in percent that the species of a hit requires."""
        return self._thresholds.required(int(self._rows[at]), (self._self_row,))

    def species_name(self, at: int) -> str:
        return self.model.levels["species"].names[int(self._species[at])]

    def match(self, at: int) -> Match:
        return match_at(self.model, self._hits, self._query, at, self.species_name(at))

    def warnings(self) -> tuple[str, ...]:
        """A warning if one of the two genomes is aligned, but much of the other is not."""
        if self.best is None or math.isnan(self._ani[self.best]):
            return ()
        of_query, of_reference = float(self._af_query[self.best]), float(self._af_reference[self.best])
        if not self._af(self.best) >= self.prior.af > min(of_query, of_reference):
            return ()
        if of_query < of_reference:
            return (query_little_aligned(of_query),)
        return (reference_little_aligned(of_reference),)

    def _codes(self, rank: str) -> Codes:
        """Codes of the hits at a rank: (K,), UNKNOWN where there is no name or no hit."""
        if rank not in self.model.levels:
            return np.full(len(self._rows), UNKNOWN, np.int32)
        return np.where(self._rows >= 0, self.model.levels[rank].codes[self._rows], UNKNOWN)

    def _is_first_nameless(self, members: Positions) -> bool:
        """Whether the first hit has no species name but shares k-mers, and no member of the species does."""
        shares = self._kmer_identity > KMER_FLOOR
        return bool(self._species[self.first] == UNKNOWN and shares[self.first] and not shares[members].any())

    def _passing(self, members: Positions) -> Positions:
        """The hits of one species that reach both of its thresholds."""
        return np.array(
            [
                at
                for at in members.tolist()
                if self._af(at) >= self.prior.af and self._ani[at] >= self.species_threshold(at)
            ],
            np.int64,
        )

    def _highest_ani(self, positions: Positions) -> int | None:
        """The first of the hits with the highest ANI; the first of all if none has an ANI."""
        return int(positions[np.nan_to_num(self._ani[positions]).argmax()]) if len(positions) else None

    def _af(self, at: int) -> float:
        """Aligned fraction in percent, in the larger direction: of the smaller or less complete genome."""
        larger = float(np.fmax(self._af_query[at], self._af_reference[at]))
        return 0.0 if math.isnan(larger) else larger
