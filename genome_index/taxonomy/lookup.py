"""A taxonomy: the taxon of each genome, found by its id however that is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from genome_index.records import Taxon

ID_COLUMNS = ("genome_id", "id", "accession", "genome", "name")
"""Columns that may have the genomes' ids; the first one in a table counts."""

# GTDB's prefix for the source of an assembly: RS_ RefSeq, GB_ GenBank. The files' own names lack it.
_GTDB_PREFIX = re.compile(r"(?:RS|GB)_(?=GC[AF]_)")

# Only INSDC and RefSeq accessions have versions; bin.1 and bin.2 are two genomes, not two versions of one.
_VERSIONED = re.compile(r"([A-Z]+_?[A-Z]*\d{5,})\.\d+")


@dataclass(frozen=True)
class Taxonomy:
    """Taxa by genome id; `find` also matches ids that are written in another way."""

    taxa: Mapping[str, Taxon]  # genome id as written in the source -> its taxon
    release: str  # file name and first 12 hex digits of its sha256, of table and taxdump
    columns: tuple[str, ...] = ()  # labels that a genome has, in the order of the header
    warnings: tuple[str, ...] = ()  # sentences for the user
    id_column: str = ID_COLUMNS[0]  # the column with the ids

    def find(self, genome_id: str) -> Taxon | None:
        """The taxon of a genome, by the rules of `key`; None if there is none."""
        key = self.key(genome_id)
        return None if key is None else self.taxa[key]

    def key(self, genome_id: str) -> str | None:
        """The id that the source has for a genome, None if there is none.

        First the same id, then one that differs by GTDB's RS_ or GB_, then one that lacks the version or has
        one in addition. An id that matches two rows has no key.

        >>> known = Taxonomy({"RS_GCF_000005845.2": Taxon(), "NC_001573": Taxon()}, "made up")
        >>> [known.key(id) for id in ("GCF_000005845.2", "GCF_000005845", "NC_001573.1")]
        ['RS_GCF_000005845.2', 'RS_GCF_000005845.2', 'NC_001573']
        >>> known.key("GCF_000005845.1") is None  # another version may be another genome
        True
        """
        if genome_id in self.taxa:
            return genome_id
        plain, base = _plain(genome_id), _base(genome_id)
        candidates = self._by_base.get(base, [])
        same = [key for key in candidates if _plain(key) == plain]
        if same:
            return same[0] if len(same) == 1 else None
        # With a version on both sides, versions differ; with none, the ids would be the same.
        if len(candidates) == 1 and base in (plain, _plain(candidates[0])):
            return candidates[0]
        return None

    @cached_property
    def _by_base(self) -> dict[str, list[str]]:
        keys: dict[str, list[str]] = {}
        for key in self.taxa:
            keys.setdefault(_base(key), []).append(key)
        return keys


def reconcile(genome_ids: Iterable[str], taxonomy: Taxonomy) -> tuple[list[str], list[str]]:
    """Genomes that the taxonomy does not name, and its ids that no genome has; both sorted.

    >>> reconcile(["a", "b"], Taxonomy({"b": Taxon(), "c": Taxon()}, "made up"))
    (['a'], ['c'])
    """
    keys = {genome_id: taxonomy.key(genome_id) for genome_id in genome_ids}
    return sorted(id for id, key in keys.items() if key is None), sorted(taxonomy.taxa.keys() - keys.values())


def _plain(genome_id: str) -> str:
    return _GTDB_PREFIX.sub("", genome_id, count=1)


def _base(genome_id: str) -> str:
    """The id without prefix and version."""
    plain = _plain(genome_id)
    versioned = _VERSIONED.fullmatch(plain)
    return versioned[1] if versioned else plain
