"""Lineages in one string: of GTDB, Greengenes, SILVA, MetaPhlAn and taxonkit, read into names by rank."""

from __future__ import annotations

import re
from collections.abc import Mapping

from genome_index.records import RANKS
from genome_index.taxonomy.names import bare_name, is_empty_name, species_genus, usable_name

LINEAGE_RANKS = RANKS[: RANKS.index("species") + 1]  # of a lineage in one string: seven

GTDB_RANKS = dict(zip("dpcofgs", LINEAGE_RANKS, strict=True))  # d__ is the domain; GTDB has no strains
_MARKS = {**GTDB_RANKS, "sk": "superkingdom", "t": "strain"}
_SILVA_RANKS = {f"D_{at}": rank for at, rank in enumerate(LINEAGE_RANKS)}
_RANK_OF_MARK = {**_MARKS, **_SILVA_RANKS}
_KINGDOM, _REALM = "k", "r"  # realms are of viruses; what k__ is depends on the source
_KNOWN_MARKS = frozenset((*_RANK_OF_MARK, _KINGDOM, _REALM))

_DOMAINS = {name.lower(): name for name in ("Bacteria", "Archaea", "Eukaryota", "Viruses")}
_DOMAINS |= {"eukarya": "Eukaryota", "eukaryotes": "Eukaryota", "virus": "Viruses"}
_DOMAINS |= dict.fromkeys(
    ("fungi", "metazoa", "animalia", "viridiplantae", "plantae", "protista", "protozoa", "chromista"),
    "Eukaryota",
)
# The kingdoms of prokaryotes that the ICNP has since 2024.
_DOMAINS |= dict.fromkeys(("bacillati", "fusobacteriati", "pseudomonadati", "thermotogati"), "Bacteria")
_DOMAINS |= dict.fromkeys(
    ("methanobacteriati", "nanobdellati", "promethearchaeati", "thermoproteati"), "Archaea"
)

_MARKED = re.compile(r"(?:[a-z]|sk|D_\d+)__")
# A lineage as GTDB writes it: read at once, for its tables have 700,000 rows and more.
_GTDB = re.compile(";".join(rf"{mark}__([^;|]*)" for mark in GTDB_RANKS))
_SUPPORT = re.compile(r"\*?: [01]\.\d\d$")
_EPITHET = re.compile(r"[a-z]+(?:-[a-z]+)*")


class UnreadableLineage(ValueError):
    """An element of a lineage with an unknown mark, or a mark for the second time."""


def has_rank_marks(text: str) -> bool:
    """Whether a lineage says its ranks, as `d__Bacteria;p__...` does."""
    return _MARKED.match(text) is not None


def marked_names(text: str) -> dict[str, str]:
    """Rank -> name of `d__Bacteria;p__...`, without empty ones such as `s__`.

    >>> marked_names("k__Bacteria; g__Escherichia; s__coli")  # Greengenes has the epithet only
    {'superkingdom': 'Bacteria', 'genus': 'Escherichia', 'species': 'Escherichia coli'}
    >>> marked_names("r__Riboviria;k__Orthornavirae;f__Flaviviridae;s__")
    {'superkingdom': 'Viruses', 'family': 'Flaviviridae'}

    Raises
    ------
    UnreadableLineage
        Its text is the element that cannot be read.
    """
    if whole := _GTDB.fullmatch(text):
        names = dict(zip(LINEAGE_RANKS, map(str.strip, whole.groups()), strict=True))
    else:
        names = _names_of(_elements(text))
    return with_genus({rank: name for rank, name in names.items() if not is_empty_name(name)})


def _names_of(marked: Mapping[str, str]) -> dict[str, str]:
    """Rank -> name, in the order of the ranks."""
    names = {_RANK_OF_MARK[mark]: name for mark, name in marked.items() if mark in _RANK_OF_MARK}
    if _REALM in marked:
        names["superkingdom"] = "Viruses"
    elif marked.get(_KINGDOM):
        names.setdefault("superkingdom", domain_of(marked[_KINGDOM]) or marked[_KINGDOM])
    return {rank: names[rank] for rank in RANKS if rank in names}


def _elements(text: str) -> dict[str, str]:
    """Mark -> name, in the order of the string."""
    marked: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.replace("|", ";").split(";"))):
        mark, separator, name = part.rpartition("__") if part.startswith("D_") else part.partition("__")
        if not separator or mark not in _KNOWN_MARKS or mark in marked:
            raise UnreadableLineage(part)
        marked[mark] = name.strip()
    return marked


def with_genus(names: dict[str, str]) -> dict[str, str]:
    """Names by rank, with the genus before a species that is only its epithet."""
    genus, species = names.get("genus", ""), names.get("species", "")
    if genus[:1].isupper() and _EPITHET.fullmatch(species) and usable_name("species", species):
        return {**names, "species": f"{genus} {species}"}
    return names


def name_in_column(rank: str, text: str) -> str:
    """The name in a cell of a rank's column, without the mark of that rank; empty if there is none.

    CAT adds the support of a name, and * to a name that it is less sure of.

    >>> [name_in_column("genus", text) for text in ("g__Hyla", "Hyla", "g__", "#N/A")]
    ['Hyla', 'Hyla', '', '']
    >>> name_in_column("genus", "Hyla*: 0.98")
    'Hyla'
    >>> name_in_column("genus", "f__Hylidae")  # as QIIME fills the rank below: no genus
    ''
    """
    text = _SUPPORT.sub("", text)
    if is_empty_name(text):
        return ""
    if not has_rank_marks(text):
        return text
    mark = text.partition("__")[0] if text[0] != "D" else text[:3]
    of_mark = "superkingdom" if mark == _KINGDOM else _RANK_OF_MARK.get(mark)
    return bare_name(text) if of_mark == rank else ""


def seven_names(text: str) -> Mapping[str, str]:
    """Rank -> name of a lineage of seven names from the domain to the species; empty for another lineage.

    The seventh must be a species of the genus before it: NCBI's full lineages may have seven names as well.

    >>> seven_names("Bacteria;P;C;O;F;Hyla;Hyla arborea")["species"]
    'Hyla arborea'
    >>> seven_names("Eukaryota; Metazoa; Chordata; Craniata; Vertebrata; Amphibia; Anura")
    {}
    """
    parts = [part.strip() for part in text.split(";")]
    if len(parts) != len(LINEAGE_RANKS) or parts[0].lower() not in _DOMAINS:
        return {}
    genus, species = parts[-2:]
    if not genus or not (species.startswith(genus + " ") or species_genus(species) == genus):
        return {}
    return {rank: name for rank, name in zip(LINEAGE_RANKS, parts, strict=True) if not is_empty_name(name)}


def domain_of(kingdom: str) -> str | None:
    """The domain of a kingdom, or of a domain itself; None for a name that is neither.

    >>> [domain_of(name) for name in ("Bacteria", "Fungi", "Orthornavirae", "frogs")]
    ['Bacteria', 'Eukaryota', 'Viruses', None]
    """
    return "Viruses" if kingdom.endswith("virae") else _DOMAINS.get(kingdom.lower())
