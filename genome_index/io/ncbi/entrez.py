"""One answer of NCBI, whole or not at all.

Biopython's Entrez makes each request and keeps NCBI's pace: 0.37 s from one request to the next, 0.1 s with
an API key. The server, the timeout and every retry are set here, because Biopython looks neither at
Retry-After, nor at a body that breaks off, nor at a web page where data should be. Answers are read here
too: Biopython's reader wants a DTD, which it may go and download, and a folder in the user's home.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPException, HTTPResponse
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.error import HTTPError

from genome_index.errors import FetchError, UsageError
from genome_index.records import RANKS, Lineage

if TYPE_CHECKING:
    from urllib.request import Request

T = TypeVar("T")

NCBI_URL = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
RANK_OF = {"domain": "superkingdom", "acellular root": "superkingdom"} | {rank: rank for rank in RANKS}
"""NCBI's ranks that gindex keeps. Since 2025 Bacteria is a domain and Viruses an acellular root."""

BATCH_BP = 20_000_000  # of declared sequence asked for at once, because one answer is held in memory
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ElementTree.ParseError)
WEB_PAGE = re.compile(rb"<(!doctype\s+html|html|head|body)\b", re.I)
COMPLAINT = re.compile(
    rb'<ERROR>\s*([^<]+?)\s*</ERROR>|"error"\s*:\s*"([^"]+)|"esummaryresult"\s*:\s*\[\s*"([^"]+)', re.I
)
ABSENT = re.compile(
    r"cannot get document|nothing to ?do|list is empty|invalid uid|not found|failed to \w+ (id|seq)", re.I
)
NOT_THERE = "NCBI has no such record; check the accession and its version"


@dataclass(frozen=True)
class EntrezSettings:
    """Who asks NCBI, where NCBI is, and how patient we are."""

    email: str | None = None  # whom NCBI writes to before it blocks a caller
    api_key: str | None = field(default=None, repr=False)  # 10 requests a second in place of 3
    url: str = NCBI_URL
    tries: int = 6  # for one answer, the first included: half a minute with the waits below
    backoff_s: float = 1.0  # before the second try; doubles with each
    longest_wait_s: float = 120.0  # a server that asks for more is reported, not waited for
    timeout_s: float = 120.0  # of silence on an open connection
    page: int = 100  # records asked for in one request

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise UsageError(f"GINDEX_ENTREZ_URL is {self.url!r}; unset it, or give an http(s) address")

    @classmethod
    def from_environment(cls, email: str | None = None) -> EntrezSettings:
        """Take NCBI_EMAIL, NCBI_API_KEY and GINDEX_ENTREZ_URL; `email` goes before NCBI_EMAIL."""
        return cls(
            email=email or os.environ.get("NCBI_EMAIL") or None,
            api_key=os.environ.get("NCBI_API_KEY", "").strip() or None,
            url=(os.environ.get("GINDEX_ENTREZ_URL") or NCBI_URL).rstrip("/"),
        )


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
    accessions: tuple[str, ...]  # with version: its own, and those of its GenBank and RefSeq twins
    length_bp: int  # of all its sequences; 0 where the summary does not say
    taxid: str
    organism: str


class _BadDay(Exception):
    """An answer that may be better next time; `wait_s` is what the server asked for."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        self.reason, self.wait_s = reason, wait_s
        super().__init__(reason)


@contextmanager
def open_ncbi(settings: EntrezSettings) -> Iterator[Ncbi]:
    """Bio.Entrez with our name, our server, our timeout and one try a call; put back as it was afterwards."""
    from Bio import Entrez  # here: `gindex --help` need not wait for it

    def urlopen(request: Request) -> HTTPResponse:
        request.full_url = f"{settings.url}/{request.full_url.rpartition('/')[2]}"
        answer: HTTPResponse = theirs["urlopen"](request, timeout=settings.timeout_s)
        return answer

    ours: dict[str, Any] = {"tool": "gindex", "email": settings.email, "api_key": settings.api_key}
    ours |= {
        "urlopen": urlopen,
        "max_tries": 1,
    }  # each retry of ours keeps Biopython's pace, like any request
    theirs = {name: getattr(Entrez, name) for name in ours}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"\s*Email address is not specified")  # the face says it
        vars(Entrez).update(ours)
        try:
            yield Ncbi(Entrez, settings)
        finally:
            vars(Entrez).update(theirs)


class Ncbi:
    """What gindex asks of NCBI. Every method raises FetchError when there is no whole answer to be had."""

    def __init__(self, entrez: ModuleType, settings: EntrezSettings) -> None:
        self._entrez, self._settings = entrez, settings

    def search(self, db: str, term: str, limit: int) -> list[str]:
        """Ids that match, in NCBI's order, at most `limit`: accession.version for sequences, else uids."""
        found: list[str] = []
        while len(found) < limit:
            size = min(self._settings.page, limit - len(found))
            page: dict[str, int | str] = {"retstart": len(found), "retmax": size, "idtype": "acc"}
            count, ids = self._ask("esearch", _search_page, db=db, term=term, retmode="json", **page)
            found += ids
            if not ids or len(found) >= count:
                break
        return found

    def records(self, ids: Sequence[str]) -> list[Record]:
        """Summaries of nucleotide records; `ids` are uids or accessions."""
        return self._summaries("nuccore", ids, _record)

    def assemblies(self, uids: Sequence[str]) -> list[Assembly]:
        return self._summaries("assembly", uids, _assembly)

    def sequences_of(self, assembly: Assembly, link: str) -> list[str]:
        """Uids of an assembly's nucleotide records; `link` is NCBI's name for the kind."""
        read, between = partial(_links, link=link), {"dbfrom": "assembly", "db": "nuccore", "linkname": link}
        return self._ask("elink", read, id=assembly.uid, retmode="json", **between)

    def lineage(self, taxid: str) -> Lineage:
        return self._ask("efetch", _lineage, db="taxonomy", id=taxid, retmode="xml")

    def iter_fasta(self, records: Sequence[Record]) -> Iterator[bytes]:
        """Give the records' sequences as FASTA, a batch at a time, each as long as its summary declared."""
        for batch in _batches(records, self._settings.page):
            read = partial(complete_fasta, expected=batch)
            yield self._ask("efetch", read, db="nuccore", id=",".join(batch), rettype="fasta", retmode="text")

    def _summaries(self, db: str, ids: Sequence[str], read: Callable[[Any], T]) -> list[T]:
        size = self._settings.page
        batches = [",".join(ids[start : start + size]) for start in range(0, len(ids), size)]

        def read_all(body: bytes) -> list[T]:
            result = _json(body)["result"]
            return [read(result[uid]) for uid in result["uids"]]

        pages = (self._ask("esummary", read_all, db=db, id=batch, retmode="json") for batch in batches)
        return [summary for page in pages for summary in page]

    def _ask(self, tool: str, read: Callable[[bytes], T], **params: str | int) -> T:
        """One answer, read; asked for again, later and later, while it comes back broken."""
        about = str(params.get("term", params.get("id")))
        for attempt in range(1, self._settings.tries + 1):
            try:
                return read(_checked(about, self._body(about, tool, params)))
            except _BadDay as bad_day:
                trouble = bad_day
            except UNREADABLE as error:
                trouble = _BadDay(f"NCBI's answer is not what was asked for ({error})")
            if attempt < self._settings.tries:
                self._wait(about, attempt, trouble)
        raise FetchError(about, f"{trouble.reason}, {attempt} times in a row; try again later")

    def _wait(self, about: str, attempt: int, trouble: _BadDay) -> None:
        longest_s = self._settings.longest_wait_s
        if trouble.wait_s > longest_s:
            reason = f"{trouble.reason} and asks to wait {trouble.wait_s:.0f} s"
            raise FetchError(about, f"{reason}; try again after that")
        backoff_s = min(self._settings.backoff_s * 2 ** (attempt - 1), longest_s)
        # The jitter keeps many callers that failed together from coming back together.
        time.sleep(max(trouble.wait_s, backoff_s * random.uniform(0.5, 1.0)))

    def _body(self, about: str, tool: str, params: Mapping[str, str | int]) -> bytes:
        try:
            try:
                with getattr(self._entrez, tool)(**params) as answer:
                    # Biopython wraps text answers; the bytes beneath keep this one path.
                    return bytes(getattr(answer, "buffer", answer).read())
            except HTTPError as error:
                with error:
                    raise _refusal(about, error) from None
        except (OSError, HTTPException) as error:
            raise _BadDay(f"the connection to NCBI failed ({getattr(error, 'reason', error)})") from error


def _refusal(about: str, error: HTTPError) -> Exception:
    if error.code in (408, 429) or error.code >= 500:
        reason = f"NCBI answered HTTP {error.code} ({error.reason})"
        return _BadDay(reason, retry_after_s(error.headers.get("Retry-After", "")))
    if b"api key invalid" in error.read(4096).lower():
        return FetchError(about, "NCBI does not know this API key; correct NCBI_API_KEY, or unset it")
    if error.code in (400, 404):  # what efetch says of an id that it does not know
        return FetchError(about, NOT_THERE)
    return FetchError(about, f"NCBI refuses to answer: HTTP {error.code} ({error.reason})")


def retry_after_s(header: str) -> float:
    """Seconds that a Retry-After header asks for, as a number or as a date; 0 where it says neither.

    >>> retry_after_s("7"), retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT"), retry_after_s("soon")
    (7.0, 0.0, 0.0)
    """
    if header.strip().isdecimal():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _checked(about: str, body: bytes) -> bytes:
    """Pass the body on, unless it is empty, a web page, or NCBI's own word that something is wrong."""
    text = body.lstrip()
    if not text:
        raise FetchError(about, NOT_THERE)
    if text[:1] not in b"<{":
        return body
    if WEB_PAGE.search(text[:1024]):
        raise _BadDay("NCBI answered with a web page in place of data")
    complaint = COMPLAINT.search(text)
    if complaint is None:
        return body
    words = " ".join(complaint[complaint.lastindex or 0].decode("utf-8", "replace").split())[:200]
    if ABSENT.search(words):
        raise FetchError(about, f"{NOT_THERE} (NCBI: {words})")
    raise _BadDay(f"NCBI reported an error ({words})")


def _batches(records: Sequence[Record], page: int) -> list[dict[str, int]]:
    """Group declared lengths by accession: at most `page` to a batch, and BATCH_BP unless one is longer."""
    batches: list[dict[str, int]] = [{}]
    for record in records:
        batch = batches[-1]
        if batch and (len(batch) == page or sum(batch.values()) + record.length_bp > BATCH_BP):
            batches.append({})
        batches[-1][record.accession] = record.length_bp
    return batches


def complete_fasta(body: bytes, expected: Mapping[str, int]) -> bytes:
    r"""Pass FASTA text on, without blank lines, if it holds exactly the `expected` records: accession -> bp.

    >>> complete_fasta(b">U1.1 a virus\nACGT\nAC\n\n", {"U1.1": 6})
    b'>U1.1 a virus\nACGT\nAC\n'

    Raises
    ------
    ValueError
        A record is missing, cut short, too long, or no sequence. The message holds none of its text.
    """
    entries = [entry.strip() for entry in (b"\n" + body.strip()).split(b"\n>")]
    if entries.pop(0) or not entries:
        raise ValueError("it is no FASTA")
    lengths = {}
    for entry in entries:
        title, _, lines = entry.partition(b"\n")
        residues = lines.translate(None, b"\r\n")
        if not residues.isalpha():
            raise ValueError("a record holds no sequence, or something that is none")
        lengths[title.split(maxsplit=1)[0].decode()] = len(residues)
    if lengths != dict(expected):
        came, declared = f"{len(lengths)} records, {sum(lengths.values())} bp", sum(expected.values())
        raise ValueError(f"{came} came, {len(expected)} records, {declared} bp are declared")
    return b">" + b"\n>".join(entries) + b"\n"


def _json(body: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(body, strict=False)  # NCBI leaves raw control characters in titles
    return answer


def _search_page(body: bytes) -> tuple[int, list[str]]:
    result = _json(body)["esearchresult"]
    # Entrez drops words that it does not know and searches for the rest, which is not what was asked.
    if result.get("errorlist", {}).get("phrasesnotfound"):
        return 0, []
    return int(result["count"]), [str(found) for found in result["idlist"]]


def _record(document: Mapping[str, Any]) -> Record:
    length_bp, taxid = int(document["slen"]), str(document["taxid"])
    return Record(document["accessionversion"], length_bp, taxid, document["organism"])


def _assembly(document: Mapping[str, Any]) -> Assembly:
    twins = document.get("synonym") or {}
    names = [document["assemblyaccession"], twins.get("genbank"), twins.get("refseq")]
    total = re.search(r'category="total_length" sequence_tag="all">(\d+)<', document.get("meta", ""))
    length_bp = int(total[1]) if total else 0
    accessions = tuple(name for name in names if name)
    return Assembly(document["uid"], accessions, length_bp, str(document["taxid"]), document["organism"])


def _links(body: bytes, link: str) -> list[str]:
    sets = _json(body)["linksets"][0].get("linksetdbs", [])
    return [str(uid) for found in sets if found["linkname"] == link for uid in found["links"]]


def _lineage(body: bytes) -> Lineage:
    taxon = ElementTree.fromstring(body)[0]
    ladder = [*taxon.iterfind("LineageEx/Taxon"), taxon]
    steps = [(step.findtext("Rank", ""), step.findtext("ScientificName", "")) for step in ladder]
    return Lineage({RANK_OF[rank]: name for rank, name in steps if rank in RANK_OF})
