"""Accessions and other names inside an id: file names of NCBI, headers of NCBI, ENA, Kraken and GISAID."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from genome_index.io.folders.suffixes import COMPRESSED, SUFFIXES
from genome_index.io.inputs import file_stem

# Assemblies (GCF_000005845.2), RefSeq (NC_000913.3, NZ_CP007060.1); INSDC below.
_ARCHIVED = r"GC[AF]_\d{9}|(?:A[CP]|N[CGMPRTWZ]|X[MPR]|[WY]P)_[A-Z]{0,6}\d{5,}"
_INSDC = r"[A-Z]\d{5}|[A-Z]{2}\d{6}|[A-Z]{2}\d{8}|[A-Z]{4,6}\d{8,}"

# Without a version, an INSDC accession looks like a sample's name, so that it must stand between separators.
_ANYWHERE = re.compile(
    rf"(?<![A-Za-z0-9])(?:(?P<base>{_ARCHIVED})(?:\.(?P<version>\d+))?"
    rf"|(?P<insdc>{_INSDC})\.(?P<of_insdc>\d+))(?![A-Za-z0-9])"
)
_ALONE = re.compile(rf"(?:RS_|GB_)?({_ARCHIVED})(?:\.(\d+))?")
_LEADING = re.compile(r"(?:[A-Z]{2}\d{6}(?:\d\d)?|[A-Z]{4,6}\d{8,})(?=_)")  # AB036910_HBV
_TRAILING = re.compile(r"(?:(?<=[._-])[A-Z]{2}\d{6}(?:\d\d)?|(?<=[._-])[A-Z]{4,6}\d{8,})$")  # HBV_AB036910
_LANL = re.compile(r"(?:[^.]*\.){3,}([A-Z]\d{5})")  # B.FR.83.HXB2.K03455
_WHOLE_INSDC = re.compile(_INSDC)
_SEPARATORS = re.compile(r"[|:;,\s\"'<>()\[\]]+")

_REFSEQ_COPY = re.compile(r"GC[AF]_|NZ_")  # GCF is RefSeq's copy of GCA, and NZ_X that of X
_GTDB_PREFIX = re.compile(r"(?:RS|GB)_(?=GC[AF]_)")
_GISAID_ID = re.compile(r"EPI_ISL_\d+|EPI\d+")
_DATABASES = frozenset(("ref", "gb", "emb", "dbj", "tpg", "tpe", "tpd", "lcl", "gi", "sp", "tr", "pdb"))
_DECORATED = frozenset(" |/;:>\"'")
_SIZE_OR_REGION = re.compile(r";size=\d+;?$|:c?\d+-\d+$")


@dataclass(frozen=True, slots=True)
class Accession:
    """An accession, with its version apart."""

    base: str  # GCF_000005845
    version: str  # 2; empty without one

    @property
    def sequence(self) -> str:
        """What the copies of RefSeq and GenBank have in common.

        >>> Accession("GCF_000005845", "2").sequence, Accession("NZ_CP007060", "1").sequence
        ('000005845', 'CP007060')
        """
        return _REFSEQ_COPY.sub("", self.base, count=1)


def accessions_in(text: str) -> list[Accession]:
    """The accessions in an id, each once, in their order.

    >>> accessions_in("GCF_000005845.2_ASM584v2_genomic")
    [Accession(base='GCF_000005845', version='2')]
    >>> accessions_in("ENA|AB000010|AB000010.1")
    [Accession(base='AB000010', version='1')]
    >>> accessions_in("kraken:taxid|751944|NZ_CP007060.1"), accessions_in("bin.1")
    ([Accession(base='NZ_CP007060', version='1')], [])
    """
    if alone := _ALONE.fullmatch(text):  # nearly every row of a large table
        return [Accession(alone[1], alone[2] or "")]
    found: dict[str, str] = {
        match["base"] or match["insdc"]: match["version"] or match["of_insdc"] or ""
        for match in _ANYWHERE.finditer(text)
    }
    parts = [part for part in _SEPARATORS.split(text) if _WHOLE_INSDC.fullmatch(part)]
    ends = (_LEADING.match(text), _TRAILING.search(text), _LANL.fullmatch(text))
    for part in [*parts, *(end[end.lastindex or 0] for end in ends if end)]:
        found.setdefault(part, "")
    return [Accession(base, version) for base, version in found.items()]


def without_gtdb_prefix(text: str) -> str:
    """The id without GTDB's RS_ (RefSeq) or GB_ (GenBank), which the files' own names lack."""
    return text[3:] if _GTDB_PREFIX.match(text) else text


def file_name_stem(text: str) -> str | None:
    """The stem of an id that is the name of a sequence file; None for other ids.

    >>> file_name_stem("bins/bin.1.fa.gz"), file_name_stem("bin.1")
    ('bin.1', None)
    """
    if not text.lower().endswith((*SUFFIXES, *COMPRESSED)):
        return None
    stem = file_stem(text)
    return stem if stem != Path(text).name else None


def names_in(text: str) -> list[str]:
    """Names in a header, accessions or not: of isolates, of GISAID, behind `lcl|` and the like, in quotes.

    >>> names_in("A/swan/Austria/1/2023|EPI_ISL_1|PB2")
    ['A/swan/Austria/1/2023', 'EPI_ISL_1', 'A_swan_Austria_1_2023']
    >>> names_in("lcl|contig 7"), names_in('"bin 1"'), names_in("otu1;size=5;"), names_in("bin_1")
    (['contig 7', 'contig_7', 'lcl|contig_7'], ['bin 1', 'bin_1'], ['otu1'], [])
    """
    if _DECORATED.isdisjoint(text):
        return []
    bare = _SIZE_OR_REGION.sub("", text.strip("\"'> "))
    parts = [part.strip() for part in bare.split("|")]
    names = [part for part in parts if part.count("/") > 1 or _GISAID_ID.fullmatch(part)]
    names += [name for tag, name in zip(parts, parts[1:], strict=False) if tag in _DATABASES]
    if parts[0] in ("gnl", "kraken:taxid") and len(parts) > 2:
        names.append(parts[2])
    names.append(bare)
    names += [name.removeprefix("hCoV-19/") for name in names]  # Nextstrain leaves it out
    names += [name.replace(" ", "_") for name in names]  # GISAID writes both
    names += [name.replace("/", "_") for name in names if name.count("/") > 1 and "|" not in name]
    return [name for name in dict.fromkeys(names) if name and name != text]
