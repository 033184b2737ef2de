"""Headers of GenBank and EMBL entries: what stands before the features, with the references cited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

FIRST_LINES = ("LOCUS ", "ID   ")
VALUES = 12  # column from which the values of a GenBank header are written
_HEADER_ENDS = ("FEATURES", "ORIGIN", "CONTIG", "WGS", "WGS_SCAFLD", "TSA", "TLS", "BASE")
_GENBANK_NAMES = {  # of the line codes of EMBL
    "DE": "DEFINITION", "KW": "KEYWORDS", "OS": "SOURCE", "RN": "REFERENCE", "RT": "TITLE", "RL": "JOURNAL",
    "RX": "XREF", "CC": "COMMENT", "DT": "DATE",
}  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """One reference of a record."""

    title: str = ""
    journal: str = ""
    pubmed: str = ""

    @property
    def is_paper(self) -> bool:
        """Whether it is more than a submission to the database, which cites nothing."""
        submitted = self.title == "Direct Submission" or self.journal.startswith("Submitted")
        return bool(self.title) and (bool(self.pubmed) or not submitted)

    @property
    def key(self) -> str:
        """What records that cite the same paper have in common: its PubMed id, else its title's letters."""
        return f"pubmed {self.pubmed}" if self.pubmed else "".join(filter(str.isalnum, self.title.casefold()))


@dataclass
class Header:
    """The header of one record: the words of each keyword, line by line, and its references."""

    first: str  # LOCUS or ID line
    is_embl: bool
    fields: list[tuple[str, list[str]]] = field(default_factory=list)
    is_open: bool = True  # the features have not begun

    def lines(self, keyword: str) -> list[str]:
        """The lines of the first field of a keyword."""
        return next((lines for name, lines in self.fields if name == keyword), [])

    def text(self, keyword: str) -> str:
        """The first field of a keyword as one line; '.' stands for none."""
        text = " ".join(" ".join(self.lines(keyword)).split())
        return "" if text == "." else text

    def references(self) -> Iterator[Reference]:
        """The references, in the order of the record."""
        own: dict[str, str] | None = None
        for name, lines in [*self.fields, ("REFERENCE", [])]:
            if name == "REFERENCE":
                if own:
                    yield _reference(own)
                own = {}
            elif own is not None:
                text = " ".join(" ".join(lines).split())
                own[name] = f"{own[name]} {text}" if name in own else text

    @property
    def is_circular(self) -> bool:
        return "circular" in self.first.lower().replace(";", " ").split()

    @property
    def is_protein(self) -> bool:
        """Whether the length in the first line is of residues (aa), not of bases."""
        return bool({"aa", "aa."} & set(self.first.lower().split()))

    @property
    def date(self) -> str:
        """The date of the record, as it has it: 24-MAY-2012."""
        words = self.text("DATE").split() if self.is_embl else self.first.split()[-1:]
        return words[0] if words and words[0].count("-") == 2 else ""


def with_headers(lines: Iterable[str], headers: list[Header]) -> Iterator[str]:
    """The lines as they come; the header of each record that begins is added to `headers`."""
    for line in lines:
        if line.startswith(FIRST_LINES):
            headers.append(Header(line.rstrip("\r\n"), line.startswith("ID")))
        elif headers and headers[-1].is_open:
            _add(headers[-1], line.rstrip("\r\n"))
        yield line


def _add(header: Header, line: str) -> None:
    if header.is_embl:
        _add_embl(header, line)
        return
    keyword, rest = line[:VALUES].strip(), line[VALUES:].strip()
    if keyword in _HEADER_ENDS or line.startswith("//"):
        header.is_open = False
    elif keyword and not line[:VALUES].startswith("    "):
        header.fields.append((keyword, [rest]))
    elif header.fields:
        header.fields[-1][1].append(rest)


def _add_embl(header: Header, line: str) -> None:
    code, rest = line[:2], line[5:].strip()
    if code in ("FH", "FT", "SQ", "//", "CO"):
        header.is_open = False
        return
    name = _GENBANK_NAMES.get(code, code)
    if header.fields and header.fields[-1][0] == name and code not in ("RN", "RX"):
        header.fields[-1][1].append(rest)
    elif code.strip():
        header.fields.append((name, [rest]))


def _reference(own: dict[str, str]) -> Reference:
    title = own.get("TITLE", "").strip('";. ')
    return Reference(title, own.get("JOURNAL", "").strip(";"), own.get("PUBMED", "") or _pubmed_of(own))


def _pubmed_of(own: dict[str, str]) -> str:
    """The PubMed id in cross-references of EMBL: `DOI; 10.1/x. PUBMED; 15173178.`."""
    words = own.get("XREF", "").replace(";", " ").split()
    at = words.index("PUBMED") + 1 if "PUBMED" in words else len(words)
    return words[at].rstrip(".") if at < len(words) else ""
