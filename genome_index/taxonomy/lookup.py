"""A taxonomy: the taxon of each genome, found by its id however that is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

from genome_index.records import Taxon
from genome_index.taxonomy.accessions import (
    Accession,
    accessions_in,
    file_name_stem,
    names_in,
    without_gtdb_prefix,
)


class Rule(IntEnum):
    """How a genome's id and the id of a row fit together, the strictest rule first."""

    SAME = 0
    GTDB_PREFIX = 1
    FILE_NAME = 2
    ACCESSION = 3
    NAME = 4
    VERSION = 5
    REFSEQ_COPY = 6
    COPY_AND_VERSION = 7
    OTHER_VERSION = 8  # no match: another version may be another genome

    @property
    def text(self) -> str:
        """The rule as the end of 'matched by ...'."""
        return _TEXT[self]


_TEXT = {
    Rule.SAME: "the same id",
    Rule.GTDB_PREFIX: "the id without GTDB's RS_ or GB_",
    Rule.FILE_NAME: "the file name without its suffix",
    Rule.ACCESSION: "the accession in a longer name",
    Rule.NAME: "a name in a longer header",
    Rule.VERSION: "the accession without its version",
    Rule.REFSEQ_COPY: "RefSeq for GenBank (GCF for GCA, NZ_X for X)",
    Rule.COPY_AND_VERSION: "RefSeq for GenBank, without the version",
    Rule.OTHER_VERSION: "another version",
}


class Fit(NamedTuple):
    """A row that fits an id."""

    rule: Rule
    key: str  # the id as the row has it


@dataclass(frozen=True)
class Taxonomy:
    """Taxa by genome id; `find` also matches ids that are written in another way."""

    taxa: Mapping[str, Taxon]  # genome id as written in the source -> its taxon
    release: str  # file name and first 12 hex digits of its sha256, of table and taxdump
    columns: tuple[str, ...] = ()  # labels that a genome has, in the order of the header
    warnings: tuple[str, ...] = ()  # sentences for the user
    id_column: str = "genome_id"  # the column with the ids
    covers: frozenset[str] | None = None  # ranks and labels that the source has columns for; None: all

    def find(self, genome_id: str) -> Taxon | None:
        """The taxon of a genome, by the rules of `key`; None if there is none."""
        key = self.key(genome_id)
        return None if key is None else self.taxa[key]

    def key(self, genome_id: str) -> str | None:
        """The id that the source has for a genome, None if there is none.

        The rules of `Rule` are tried from the strictest on. An id that fits two rows by the same rule has no
        key, unless the rows say the same.

        >>> known = Taxonomy({"RS_GCF_000005845.2": Taxon(), "NC_001573": Taxon()}, "made up")
        >>> [known.key(id) for id in ("GCF_000005845.2_ASM584v2_genomic", "ref|NC_001573.1|")]
        ['RS_GCF_000005845.2', 'NC_001573']
        >>> known.key("GCA_000005845.2")  # GenBank's copy of the same assembly
        'RS_GCF_000005845.2'
        >>> known.key("GCF_000005845.1") is None  # another version may be another genome
        True
        """
        if genome_id in self.taxa:
            return genome_id
        fit = self.decided(self.fits(genome_id))
        return fit.key if fit else None

    def fits(self, genome_id: str) -> list[Fit]:
        """The rows that an id fits, each by its strictest rule; the strictest first."""
        rules: dict[str, Rule] = {}
        for rule, key in self._all_fits(genome_id):
            rules[key] = min(rule, rules.get(key, rule))
        return sorted(Fit(rule, key) for key, rule in rules.items())

    def decided(self, fits: list[Fit]) -> Fit | None:
        """The one row that a genome with these fits has; None if there is none, or several."""
        if not fits or fits[0].rule is Rule.OTHER_VERSION:
            return None
        same = [fit for fit in fits if fit.rule == fits[0].rule]
        if fits[0].rule in (Rule.VERSION, Rule.COPY_AND_VERSION):
            same += [fit for fit in fits if fit.rule is Rule.OTHER_VERSION]
        return fits[0] if all(self.taxa[fit.key] == self.taxa[fits[0].key] for fit in same) else None

    def _all_fits(self, genome_id: str) -> Iterator[Fit]:
        for name, rule in [(genome_id, Rule.SAME), *_spellings(genome_id)]:
            if name in self.taxa:
                yield Fit(rule, name)
            yield from (Fit(max(rule, of_row), key) for of_row, key in self._by_spelling.get(name, ()))
        for accession in accessions_in(genome_id):
            for other, key in self._by_sequence.get(accession.sequence, ()):
                same = accession == other and without_gtdb_prefix(genome_id) == without_gtdb_prefix(key)
                yield Fit(Rule.GTDB_PREFIX if same else _rule(accession, other), key)

    @cached_property
    def _by_spelling(self) -> dict[str, list[Fit]]:
        rows: dict[str, list[Fit]] = {}
        for key in self.taxa:
            for name, rule in _spellings(key):
                rows.setdefault(name, []).append(Fit(rule, key))
        return rows

    @cached_property
    def _by_sequence(self) -> dict[str, list[tuple[Accession, str]]]:
        rows: dict[str, list[tuple[Accession, str]]] = {}
        for key in self.taxa:
            for accession in accessions_in(key):
                rows.setdefault(accession.sequence, []).append((accession, key))
        return rows


def reconcile(genome_ids: Iterable[str], taxonomy: Taxonomy) -> tuple[list[str], list[str]]:
    """Genomes that the taxonomy does not name, and its ids that no genome has; both sorted.

    >>> reconcile(["a", "b"], Taxonomy({"b": Taxon(), "c": Taxon()}, "made up"))
    (['a'], ['c'])
    """
    keys = {genome_id: taxonomy.key(genome_id) for genome_id in genome_ids}
    return sorted(id for id, key in keys.items() if key is None), sorted(taxonomy.taxa.keys() - keys.values())


def _spellings(text: str) -> Iterator[tuple[str, Rule]]:
    """The other names under which an id can be found, with the rule that each takes."""
    if stem := file_name_stem(text):
        yield stem, Rule.FILE_NAME
    for name in names_in(text):
        yield name, Rule.NAME


def _rule(first: Accession, second: Accession) -> Rule:
    """The rule by which two accessions of the same sequence fit."""
    copies = first.base != second.base
    if first.version == second.version:
        return Rule.REFSEQ_COPY if copies else Rule.ACCESSION
    if first.version and second.version:
        return Rule.OTHER_VERSION
    return Rule.COPY_AND_VERSION if copies else Rule.VERSION
