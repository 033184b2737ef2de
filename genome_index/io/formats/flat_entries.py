"""Entries of GenBank and EMBL flat files: the lines that name a record, its organism and its sequence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

NOT_SEQUENCE = str.maketrans("", "", "0123456789 \t\r\n")  # numbers and blanks of sequence lines
BARE_LINEAGES = frozenset(  # lineages of one name, which have no ';' to tell them from a long organism's name
    ("Bacteria.", "Archaea.", "Eukaryota.", "Unclassified.", "Viruses.", "cellular organisms.",
     "other sequences.", "unclassified sequences.")
)  # fmt: skip
UNITS = ("bp", "aa", "rc")  # of a LOCUS line's length: bases, residues, records of a master


@dataclass
class Entry:
    """One record of a flat file while it is read."""

    locus: str = ""  # the name in its first line
    length: str = ""  # the word before `bp`, which holds the name too where both collide
    accession: str = ""
    version: str = ""
    organism: str = ""
    lineage: str = ""
    members: str = ""  # of a WGS master: the accessions of its contigs
    section: str = ""  # the keyword whose lines are being read
    has_sequence: bool = False  # it has ORIGIN or SQ
    is_complete: bool = False  # it ended with //
    parts: list[str] = field(default_factory=list)


def entries_of(lines: Iterable[str], first: str) -> Iterator[Entry]:
    """The entries of a file; what stands before, between and after them is left."""
    entry: Entry | None = None
    for line in lines:
        keyword = line[:12].split(None, 1)[0] if line[:12].strip() else ""
        if keyword == first and line.startswith(first):
            if entry is not None:
                yield entry
            entry = Entry()
        if entry is None:
            continue
        if line.startswith("//"):
            entry.is_complete = True
            yield entry
            entry = None
        elif first == "ID":
            read_embl_line(entry, line)
        else:
            read_genbank_line(entry, line, keyword)
    if entry is not None:
        yield entry


def read_genbank_line(entry: Entry, line: str, keyword: str) -> None:
    """Take what one line of a GenBank entry says; `keyword` is the first word of its first 12 columns."""
    if (line[:1].isalpha() and entry.section != "ORIGIN") or line.startswith(("CONTIG ", "  ORGANISM ")):
        entry.section = keyword
        _begin_section(entry, keyword, line.strip().removeprefix(keyword).strip())
    elif entry.section == "ORIGIN":
        entry.parts.append(line.translate(NOT_SEQUENCE))
    elif entry.section == "ORGANISM" and not line[:12].strip():
        rest = line[12:].strip()
        if entry.lineage or ";" in rest or rest in BARE_LINEAGES:
            entry.lineage += f" {rest}"
        elif rest != ".":  # which stands for no lineage
            entry.organism += f" {rest}"


def _begin_section(entry: Entry, keyword: str, rest: str) -> None:
    match keyword:
        case "LOCUS":
            entry.locus, entry.length = _locus(rest)
        case "ACCESSION":
            entry.accession = (rest.split() or [""])[0]
        case "VERSION":
            entry.version = (rest.split() or [""])[0]
        case "ORGANISM":
            entry.organism = rest
        case "WGS" | "WGS_SCAFLD" | "TSA" | "TLS":
            entry.members = entry.members or rest
        case "ORIGIN":
            entry.has_sequence = True


def _locus(rest: str) -> tuple[str, str]:
    """Name and length in a LOCUS line: the first word, and the word before its unit."""
    words = rest.split()
    at = next((at for at, word in enumerate(words) if word in UNITS and at), 0)
    return (words or [""])[0], words[at - 1] if at else ""


def read_embl_line(entry: Entry, line: str) -> None:
    """Take what one line of an EMBL entry says."""
    keyword, rest = line[:5].strip(), line[5:].strip()
    if not keyword and entry.section == "SQ":
        entry.parts.append(line.translate(NOT_SEQUENCE))
        return
    first = rest.split(";")[0].strip()
    match keyword:
        case "ID":
            entry.locus, entry.version, entry.length = _embl_id(rest)
        case "AC":
            entry.accession = entry.accession or first
        case "SV":  # of a release before 87, whose ID line has no version
            entry.version = first
        case "OS" if not entry.lineage:
            entry.organism += f" {rest}"
        case "OC":
            entry.lineage += f" {rest}"
        case "WGS" | "TSA":
            entry.members = entry.members or rest
        case "SQ":
            entry.has_sequence = True
    entry.section = keyword or entry.section


def _embl_id(rest: str) -> tuple[str, str, str]:
    """Name, name with version, and length in an ID line: `X56734; SV 1; linear; mRNA; STD; PLN; 1859 BP.`."""
    parts = [part.strip() for part in rest.split(";")]
    name = (parts[0].split() or [""])[0]
    version = parts[1][3:].strip() if len(parts) > 1 and parts[1].startswith("SV ") else ""
    words = parts[-1].split()
    length = words[-2] if len(words) > 1 and words[-1].startswith(("BP", "AA")) else ""
    return name, f"{name}.{version}" if name and version else "", length
