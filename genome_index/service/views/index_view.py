"""IndexView: one snapshot of an index as the service shows it: genomes, species, provenance and map.

Everything slow is computed by `open`, and nothing reads the file of the catalog later, so any number of
threads may use a view.
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
from genome_index.service.views.species_threshold import SpeciesThresholds


class IndexView:
    """The contents of one snapshot: its genomes, species, provenance and map."""

    def __init__(self, index: Index) -> None:
        entries, pairs = index.catalog.entries(), index.pairs()
        hits = neighbour_hits(index, np.array([entry.row for entry in entries], np.int64), pairs)
        thresholds = SpeciesThresholds(index.model)
        self.index = index
        self._genomes = Genomes(index, entries, hits, thresholds)
        self._species = SpeciesTable(index.model, entries, hits, pairs, thresholds)
        self._provenance = provenance_of(index)
        self._rows = {entry.id: entry.row for entry in entries}
        self._map: Map | None = None
        self._map_data: Mapping[str, Any] | None = None
        self._manifest = self._manifest_state()

    @classmethod
    def open(cls, path: Path, model: str = "") -> IndexView:
        """Open the current snapshot; with 7,378 genomes this takes a second.

        Raises
        ------
        UnusableIndex
        """
        return cls(Index.open(path, model))

    def genomes(
        self, search: str = "", rank: str | None = None, name: str | None = None, offset: int = 0,
        limit: int = 50,
    ) -> GenomePage:  # fmt: skip
        """Genomes in the order of their ids: `search` is in the id or a name, `name` is theirs at `rank`.

        Raises
        ------
        UsageError
            There is no such page, or no such rank or label.
        Problem
            There is no such name at the rank.
        """
        return self._genomes.page(search, rank, name, offset, limit)

    def genome(self, genome_id: str) -> GenomeRecord:
        """One genome; a Problem if there is none of this id."""
        return self._genomes.one(genome_id)

    def species_list(self, search: str = "", offset: int = 0, limit: int = 50) -> SpeciesPage:
        """Species by name; a UsageError if there is no such page."""
        return self._species.page(search, offset, limit)

    def species(self, name: str) -> SpeciesRecord:
        """One species; a Problem if there is none of this name."""
        return self._species.one(name)

    def provenance(self) -> Provenance:
        return self._provenance

    def map(self, new: Map | None = None) -> Mapping[str, Any] | None:
        """The data from which the page draws the map: of the new map if given; None before the first map.

        It has the labels that group genomes: the others colour nothing and are most of the bytes. A map of
        other genomes is ignored: the index has changed meanwhile.
        """
        is_ours = new is not None and np.array_equal(new.rows, list(self._rows.values()))
        if new is not None and is_ours and new is not self._map:
            data = map_block(self.index, new).data
            shown = {*self.index.model.levels, data["level"]}
            levels = {level: coded for level, coded in data["levels"].items() if level in shown}
            self._map_data, self._map = {**data, "levels": levels}, new
        return self._map_data

    def place(self, call: Mapping[str, Any]) -> tuple[float, float] | None:
        """The place on the map of the query of a call (call.schema.json); None if it is unknown."""
        if self._map is None:
            return None
        hits = [(hit["id"], hit["similarity"]) for hit in call["hits"]]
        return place_of(self._map, self._rows, call["verdict"], hits)

    def is_current(self) -> bool:
        """Whether this is the current snapshot of the index.

        Raises
        ------
        IndexDamaged
            The pointer of the index cannot be read.
        """
        return current_snapshot(self.index.path) == self.index.snapshot.number and (
            self._manifest_state() == self._manifest  # snapshots of a rebuilt index count from 1 again
        )

    def _manifest_state(self) -> tuple[int, int] | None:
        """Inode and modification time of the manifest; None if it is gone."""
        try:
            manifest = (self.index.folder / MANIFEST).stat()
        except OSError:
            return None
        return manifest.st_ino, manifest.st_mtime_ns
