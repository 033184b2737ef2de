"""NCBI's records, assemblies, lineages and sequences by E-utilities (esearch, esummary, elink, efetch).

Answers are parsed here: Biopython's parser needs a DTD, which it may download, and a folder in the user's
home.
"""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from genome_index.io.batches import batches
from genome_index.io.formats.flat_entries import entries_of
from genome_index.io.ncbi.requests import EntrezRequests, EntrezSettings
from genome_index.records import NCBI_RANKS, Lineage

T = TypeVar("T")

BATCH_BP = 20_000_000  # declared sequence in one request, because an answer is held in memory


@dataclass(frozen=True)
class Record:
    """A nucleotide record as its summary declares it."""

    accession: str  # with version
    length_bp: int
    taxid: str
    organism: str


@dataclass(frozen=True)
class Assembly:
    """An assembly as its summary declares it."""

    uid: str
    accessions: tuple[str, ...]  # with version: its own, and those of the same assembly in GenBank and RefSeq
    length_bp: int  # of all its sequences; 0 where the summary does not say
    taxid: str
    organism: str


class Ncbi:
    """NCBI's databases. Every method raises FetchError where no complete answer can be had."""

    def __init__(self, settings: EntrezSettings) -> None:
        self._page = settings.page
        self._ask = EntrezRequests(settings).ask

    def search(self, db: str, term: str, limit: int) -> list[str]:
        """Matching ids in NCBI's order, at most `limit`: accession.version for sequences, else uids."""
        ids: list[str] = []
        while len(ids) < limit:
            size = min(self._page, limit - len(ids))
            page: dict[str, int | str] = {"retstart": len(ids), "retmax": size, "idtype": "acc"}
            count, more = self._ask("esearch", _search_page, db=db, term=term, retmode="json", **page)
            ids += more
            if not more or len(ids) >= count:
                break
        return ids

    def records(self, ids: Sequence[str]) -> list[Record]:
        """Summaries of nucleotide records; `ids` are uids or accessions."""
        return self._summaries("nuccore", ids, _record)

    def assemblies(self, uids: Sequence[str]) -> list[Assembly]:
        return self._summaries("assembly", uids, _assembly)

    def sequences_of(self, assembly: Assembly, link: str) -> list[str]:
        """Uids of an assembly's nucleotide records; `link` is NCBI's name of the kind."""
        read, between = partial(_links, link=link), {"dbfrom": "assembly", "db": "nuccore", "linkname": link}
        return self._ask("elink", read, id=assembly.uid, retmode="json", **between)

    def lineage(self, taxid: str) -> Lineage:
        return self._ask("efetch", _lineage, db="taxonomy", id=taxid, retmode="xml")

    def iter_fasta(self, records: Sequence[Record]) -> Iterator[bytes]:
        """The records' sequences as FASTA, a batch at a time, each as long as its summary declared."""
        for batch in batches(records, self._page, BATCH_BP, strict=True):
            lengths_bp = {record.accession: record.length_bp for record in batch}
            read, ids = partial(complete_fasta, expected=lengths_bp), ",".join(lengths_bp)
            yield self._ask("efetch", read, db="nuccore", id=ids, rettype="fasta", retmode="text")

    def iter_genbank(self, records: Sequence[Record]) -> Iterator[bytes]:
        """The records as GenBank flat files with sequence, in batches as `iter_fasta` has them."""
        for batch in batches(records, self._page, BATCH_BP, strict=True):
            lengths_bp = {record.accession: record.length_bp for record in batch}
            read, ids = partial(complete_genbank, expected=lengths_bp), ",".join(lengths_bp)
            yield self._ask("efetch", read, db="nuccore", id=ids, rettype="gbwithparts", retmode="text")

    def papers(self, pubmed: Sequence[str]) -> bytes:
        """Papers by their PubMed ids, as MEDLINE text with abstracts."""
        pages = [pubmed[start : start + self._page] for start in range(0, len(pubmed), self._page)]
        answers = [
            self._ask("efetch", medline, db="pubmed", id=",".join(page), rettype="medline", retmode="text")
            for page in pages
        ]
        return b"".join(answers)

    def _summaries(self, db: str, ids: Sequence[str], read: Callable[[Any], T]) -> list[T]:
        def read_all(body: bytes) -> list[T]:
            result = _json(body)["result"]
            return [read(result[uid]) for uid in result["uids"]]

        summaries: list[T] = []
        for start in range(0, len(ids), self._page):
            page = ",".join(ids[start : start + self._page])
            summaries += self._ask("esummary", read_all, db=db, id=page, retmode="json")
        return summaries


def complete_fasta(body: bytes, expected: Mapping[str, int]) -> bytes:
    r"""FASTA text without blank lines, if it holds exactly the `expected` records: accession -> bp.

    >>> complete_fasta(b">U1.1 a virus\nACGT\nAC\n\n", {"U1.1": 6})
    b'>U1.1 a virus\nACGT\nAC\n'

    Raises
    ------
    ValueError
        A record is missing, cut short, too long, or no sequence. The message holds none of its text.
    """
    entries = [entry.strip() for entry in (b"\n" + body.strip()).split(b"\n>")]
    if entries.pop(0) or not entries:
        raise ValueError("it is not FASTA")
    lengths_bp = {}
    for entry in entries:
        title, _, lines = entry.partition(b"\n")
        residues = lines.translate(None, b"\r\n")
        if not residues.isalpha():
            raise ValueError("a record has no sequence, or something else in its place")
        lengths_bp[title.split(maxsplit=1)[0].decode()] = len(residues)
    if lengths_bp != dict(expected):
        came, declared = f"{len(lengths_bp)} records, {sum(lengths_bp.values())} bp", sum(expected.values())
        raise ValueError(f"{came} came, {len(expected)} records, {declared} bp are declared")
    return b">" + b"\n>".join(entries) + b"\n"


def complete_genbank(body: bytes, expected: Mapping[str, int]) -> bytes:
    """GenBank text, if it holds exactly the `expected` records, whole: accession -> bp.

    Raises
    ------
    ValueError
        A record is missing, cut short, too long, or without its sequence. The message holds none of its text.
    """
    lines = io.StringIO(body.decode("utf-8", "replace"))
    entries = [entry for entry in entries_of(lines, "LOCUS") if entry.is_complete]
    lengths_bp = {entry.version: sum(map(len, entry.parts)) for entry in entries}
    if lengths_bp != dict(expected):
        came, declared = f"{len(lengths_bp)} records, {sum(lengths_bp.values())} bp", sum(expected.values())
        raise ValueError(f"{came} came, {len(expected)} records, {declared} bp are declared")
    return body.strip() + b"\n"


def medline(body: bytes) -> bytes:
    r"""MEDLINE text with an empty line before each paper; ValueError if it is something else.

    >>> medline(b"\nPMID- 1\nTI  - Frogs\n\n")
    b'\nPMID- 1\nTI  - Frogs\n'
    """
    if not body.strip().startswith(b"PMID-"):
        raise ValueError("it is not MEDLINE text")
    return b"\n" + body.strip() + b"\n"


def _json(body: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(body, strict=False)  # NCBI leaves raw control characters in titles
    return answer


def _search_page(body: bytes) -> tuple[int, list[str]]:
    result = _json(body)["esearchresult"]
    # Entrez drops an unknown phrase and searches for the rest, which is another search than the caller's.
    if result.get("errorlist", {}).get("phrasesnotfound"):
        return 0, []
    return int(result["count"]), [str(uid) for uid in result["idlist"]]


def _record(document: Mapping[str, Any]) -> Record:
    length_bp, taxid = int(document["slen"]), str(document["taxid"])
    return Record(document["accessionversion"], length_bp, taxid, document["organism"])


def _assembly(document: Mapping[str, Any]) -> Assembly:
    synonyms = document.get("synonym") or {}
    names = [document["assemblyaccession"], synonyms.get("genbank"), synonyms.get("refseq")]
    total = re.search(r'category="total_length" sequence_tag="all">(\d+)<', document.get("meta", ""))
    length_bp = int(total[1]) if total else 0
    accessions = tuple(name for name in names if name)
    return Assembly(document["uid"], accessions, length_bp, str(document["taxid"]), document["organism"])


def _links(body: bytes, link: str) -> list[str]:
    link_sets = _json(body)["linksets"][0].get("linksetdbs", [])
    return [str(uid) for links in link_sets if links["linkname"] == link for uid in links["links"]]


def _lineage(body: bytes) -> Lineage:
    taxon = ElementTree.fromstring(body)[0]
    ancestors = [*taxon.iterfind("LineageEx/Taxon"), taxon]
    names = [(step.findtext("Rank", ""), step.findtext("ScientificName", "")) for step in ancestors]
    return Lineage({NCBI_RANKS[rank]: name for rank, name in names if rank in NCBI_RANKS})
