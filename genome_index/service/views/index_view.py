"""Library: one snapshot of an index as the HTTP face shows it; what takes long is worked out beforehand.

Nothing here asks the catalogue's file after `open`, so any number of threads may read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from genome_index.collection.map import Map
from genome_index.index.index import Index
from genome_index.index.neighbours import neighbour_hits
from genome_index.index.snapshots import MANIFEST, current_snapshot
from genome_index.report.html.map import map_block
from genome_index.report.html.query_page import place_of
from genome_index.service.views.genomes import GenomePage, GenomeRecord, Genomes
from genome_index.service.views.provenance import Provenance, provenance_of
from genome_index.service.views.species import SpeciesPage, SpeciesRecord, SpeciesTable
from genome_index.service.views.species_threshold import Asks


class Library:
    """What is to be said of an index: its genomes, its species, where it came from, its map."""

    def __init__(self, index: Index) -> None:
        entries, pairs = index.catalog.entries(), index.pairs()
        hits = neighbour_hits(index, np.array([entry.row for entry in entries], np.int64), pairs)
        asks = Asks(index.model)
        self.index = index
        self._genomes = Genomes(index, entries, hits, asks)
        self._species = SpeciesTable(index.model, entries, hits, pairs, asks)
        self._provenance = provenance_of(index)
        self._rows = {entry.id: entry.row for entry in entries}
        self._mapped: Map | None = None
        self._drawn: Mapping[str, Any] | None = None
        self._stamp = self._stamped()

    @classmethod
    def open(cls, path: Path, model: str = "") -> Library:
        """Open the current snapshot; of 7,378 genomes it takes a second.

        Raises
        ------
        UnusableIndex
        """
        return cls(Index.open(path, model))

    def genomes(
        self, search: str = "", rank: str | None = None, name: str | None = None, offset: int = 0,
        limit: int = 50,
    ) -> GenomePage:  # fmt: skip
        """Genomes by id: whose id or a name holds `search`, and that bear `name` at a rank or as a label.

        Raises
        ------
        UsageError
            No such page, or no such rank.
        Problem
            No such name.
        """
        return self._genomes.page(search, rank, name, offset, limit)

    def genome(self, genome_id: str) -> GenomeRecord:
        """Everything about one genome; a Problem where there is none."""
        return self._genomes.one(genome_id)

    def species_list(self, search: str = "", offset: int = 0, limit: int = 50) -> SpeciesPage:
        """Species by name; a UsageError where there is no such page."""
        return self._species.page(search, offset, limit)

    def species(self, name: str) -> SpeciesRecord:
        """Everything about one species; a Problem where there is none."""
        return self._species.one(name)

    def provenance(self) -> Provenance:
        return self._provenance

    def map(self, found: Map | None = None) -> Mapping[str, Any] | None:
        """What the page draws of a map, which is kept: without one, what was kept; None before the first.

        Of the labels it has those that group genomes: others colour nothing, and are most of the bytes. A
        map of other genomes, made when the index had just changed, is passed over.
        """
        is_ours = found is not None and np.array_equal(found.rows, list(self._rows.values()))
        if found is not None and is_ours and found is not self._mapped:
            data = map_block(self.index, found).data
            shown = {*self.index.model.levels, data["level"]}
            levels = {level: coded for level, coded in data["levels"].items() if level in shown}
            self._drawn, self._mapped = {**data, "levels": levels}, found
        return self._drawn

    def place(self, call: Mapping[str, Any]) -> tuple[float, float] | None:
        """Where the query of a call (call.schema.json) lies on the map; None where there is no saying."""
        if self._mapped is None:
            return None
        hits = [(hit["id"], hit["similarity"]) for hit in call["hits"]]
        return place_of(self._mapped, self._rows, call["verdict"], hits)

    def is_current(self) -> bool:
        """Whether this is the snapshot that a reader would open now.

        Raises
        ------
        IndexDamaged
            The pointer says nothing that could be read.
        """
        return current_snapshot(self.index.path) == self.index.snapshot.number and (
            self._stamped() == self._stamp  # an index that was built anew counts from 1 again
        )

    def _stamped(self) -> tuple[int, int] | None:
        """Which file the manifest is; None where it has gone."""
        try:
            found = (self.index.folder / MANIFEST).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns
