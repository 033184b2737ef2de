"""Hierarchy of features: roots and ancestors by the attribute Parent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from genome_index.lab.annotate.files.features import Feature

LANDMARKS = frozenset(
    ("region", "chromosome", "contig", "scaffold", "supercontig", "ultracontig", "plasmid", "sequence",
     "mitochondrial_chromosome", "chloroplast_chromosome", "databank_entry", "source", "assembly",
     "sequence_assembly", "chromosome_arm", "chromosome_band", "golden_path_region")
)  # fmt: skip
"""Types of features that say where others lie. None of them is a gene, also where genes name it as Parent."""


class Hierarchy:
    """Parents, ancestors and roots of the features of one file."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = features
        self._by_id: dict[str, int] = {}
        self._on_contig: dict[tuple[str, str], int] = {}  # some files repeat the IDs of X on Y
        for at, feature in enumerate(features):
            self._by_id.setdefault(feature.id, at)
            self._on_contig.setdefault((feature.contig, feature.id), at)
        self._by_id.pop("", None)

    def parent(self, at: int) -> int | None:
        """The number of the first parent that the file has, landmarks left out; None at a root."""
        for name in self.features[at].parents:
            parent = self._on_contig.get((self.features[at].contig, name), self._by_id.get(name))
            if parent is not None and self.features[parent].type not in LANDMARKS:
                return parent
        return None

    def ancestry(self, at: int) -> Iterator[int]:
        """A feature, its parent, and so on to the root; a cycle ends where it closes."""
        visited: set[int] = set()
        current: int | None = at
        while current is not None and current not in visited:
            yield current
            visited.add(current)
            current = self.parent(current)

    def root(self, at: int) -> int:
        """The number of the root of a feature, mostly a gene."""
        *_, last = self.ancestry(at)
        return last

    def depth(self, at: int) -> int:
        return sum(1 for _ in self.ancestry(at)) - 1

    def unknown_parents(self) -> Iterator[tuple[Feature, str]]:
        """Features with the name of a parent that the file does not have."""
        for feature in self.features:
            for name in feature.parents:
                if name not in self._by_id:
                    yield feature, name

    def cycles(self) -> Iterator[Feature]:
        """Features that are their own ancestor."""
        for at, feature in enumerate(self.features):
            *_, last = self.ancestry(at)
            if self.parent(last) == at:
                yield feature
