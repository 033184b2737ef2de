"""A local NCBI server: the E-utilities esearch, esummary, elink and efetch, with good and broken answers."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

ESCHERICHIA = (
    ("cellular organisms", "cellular root"),
    ("Bacteria", "domain"),
    ("Pseudomonadati", "kingdom"),
    ("Pseudomonadota", "phylum"),
    ("Gammaproteobacteria", "class"),
    ("Enterobacterales", "order"),
    ("Enterobacteriaceae", "family"),
    ("Escherichia", "genus"),
    ("Escherichia coli", "species"),
)
SINSHEIMERVIRUS = (
    ("Viruses", "acellular root"),
    ("Monodnaviria", "realm"),
    ("Microviridae", "family"),
    ("Sinsheimervirus", "genus"),
    ("Sinsheimervirus phiX174", "species"),
)


def dna(seed: int, length_bp: int) -> str:
    return "".join(random.Random(seed).choices("ACGT", k=length_bp))


@dataclass
class Sequence:
    accession: str  # with version
    sequence: str
    taxid: str = "562"
    organism: str = "Escherichia coli"
    title: str = "complete genome"
    declared_bp: int | None = None  # a wrong length in the summary
    pubmed: tuple[str, ...] = ()  # ids of the papers that its record cites

    @property
    def uid(self) -> str:
        return str(sum(ord(letter) * 131**i for i, letter in enumerate(self.accession)) % 10**9)

    @property
    def fasta(self) -> str:
        lines = [self.sequence[start : start + 70] for start in range(0, len(self.sequence), 70)]
        return "\n".join([f">{self.accession} {self.organism}, {self.title}", *lines, "", ""])

    @property
    def genbank(self) -> str:
        cited = "".join(
            f"REFERENCE   {number}\n  TITLE     Paper {one}\n  JOURNAL   J. Frogs\n   PUBMED   {one}\n"
            for number, one in enumerate(self.pubmed, 1)
        )
        name = self.accession.partition(".")[0]
        return f"""LOCUS       {name} {len(self.sequence)} bp    DNA     circular BCT 01-JAN-2026
DEFINITION  {self.organism}, {self.title}.
ACCESSION   {name}
VERSION     {self.accession}
SOURCE      {self.organism}
  ORGANISM  {self.organism}
            Bacteria; Escherichia.
{cited}ORIGIN
        1 {self.sequence.lower()}
//

"""

    @property
    def refseq(self) -> bool:
        return "_" in self.accession


@dataclass
class AssembledGenome:
    refseq: str
    genbank: str
    sequences: list[str]  # accessions of the RefSeq records
    genbank_sequences: list[str]
    total_bp: int
    uid: str = "79781"


@dataclass
class Request:
    tool: str
    params: dict[str, str]
    at: float  # seconds, monotonic
    method: str


Fault = Callable[["_Handler", bytes], None]  # sends a broken answer, perhaps a part of the good body


@dataclass
class Ncbi:
    """The server's data, its next faults, and its log of requests."""

    url: str
    sequences: list[Sequence] = field(default_factory=list)
    assemblies: list[AssembledGenome] = field(default_factory=list)
    taxa: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    faults: dict[str, deque[Fault]] = field(
        default_factory=lambda: defaultdict(deque)
    )  # tool -> next answers
    log: list[Request] = field(default_factory=list)

    def break_next(self, tool: str, *faults: Fault) -> None:
        self.faults[tool].extend(faults)

    def asked(self, tool: str) -> list[dict[str, str]]:
        return [request.params for request in self.log if request.tool == tool]

    def find(self, name: str) -> Sequence | None:
        names = (
            (each, {each.uid, each.accession, each.accession.rpartition(".")[0]}) for each in self.sequences
        )
        return next((each for each, known in names if name in known), None)


@contextmanager
def serve() -> Iterator[Ncbi]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.ncbi = Ncbi(f"http://127.0.0.1:{server.server_address[1]}/entrez/eutils")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.ncbi
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # noqa: N802  (http.server's name)
        address = urlsplit(self.path)
        ncbi: Ncbi = self.server.ncbi
        query = address.query or self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        tool = address.path.removeprefix("/entrez/eutils/").removesuffix(".fcgi")
        request = Request(tool, dict(parse_qsl(query)), time.monotonic(), self.command)
        ncbi.log.append(request)
        status, kind, text = ANSWERS[tool](ncbi, request.params)
        if ncbi.faults[tool]:
            ncbi.faults[tool].popleft()(self, text.encode())
        else:
            self.answer(status, text.encode(), kind)

    do_POST = do_GET  # noqa: N815

    def answer(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def _esearch(ncbi: Ncbi, params: dict[str, str]) -> tuple[int, str, str]:
    term, errors = params["term"], {}
    if params["db"] == "assembly":
        asked = term.removesuffix("[Assembly Accession]")
        found = [
            each.uid
            for each in ncbi.assemblies
            for name in (each.refseq, each.genbank)
            if name.startswith(asked)
        ]
    else:
        name = term.split('"')[1]
        named = [each for each in ncbi.sequences if name in each.organism]
        # As Entrez does: an unknown name is left out of the search, and the rest still finds things.
        if not named:
            errors = {"errorlist": {"phrasesnotfound": [f'"{name}"[Organism]'], "fieldsnotfound": []}}
        hits = [each for each in named or ncbi.sequences if "complete genome" in each.title]
        found = [each.accession for each in hits if each.refseq or "srcdb_refseq[PROP]" not in term]
    start, size = int(params["retstart"]), int(params["retmax"])
    page = {"count": str(len(found)), "retstart": str(start), "idlist": found[start : start + size], **errors}
    return _json({"esearchresult": page})


def _esummary(ncbi: Ncbi, params: dict[str, str]) -> tuple[int, str, str]:
    documents = {}
    for name in params["id"].split(","):
        document = _summary(ncbi, params["db"], name)
        if document:
            documents[document["uid"]] = document
    if not documents:
        return _json({"esummaryresult": ["Empty id list - nothing todo"]})
    return _json({"result": {"uids": list(documents), **documents}})


def _summary(ncbi: Ncbi, db: str, name: str) -> dict[str, object] | None:
    if db == "assembly":
        each = next(each for each in ncbi.assemblies if each.uid == name)
        total = f'<Stat category="total_length" sequence_tag="all">{each.total_bp}</Stat>'
        return {
            "uid": each.uid,
            "assemblyaccession": each.refseq or each.genbank,
            "synonym": {"genbank": each.genbank, "refseq": each.refseq, "similarity": "identical"},
            "taxid": "562",
            "organism": "Escherichia coli (E. coli)",
            "meta": f' <Stats> <Stat category="contig_count" sequence_tag="all">1</Stat> {total} </Stats>',
        }
    found = ncbi.find(name)
    return found and {
        "uid": found.uid,
        "caption": found.accession.rpartition(".")[0],
        "title": f"{found.organism}, {found.title}",
        "taxid": int(found.taxid),
        "slen": found.declared_bp or len(found.sequence),
        "organism": found.organism,
        "accessionversion": found.accession,
    }


def _elink(ncbi: Ncbi, params: dict[str, str]) -> tuple[int, str, str]:
    genome = next(each for each in ncbi.assemblies if each.uid == params["id"])
    by_link = {
        "assembly_nuccore_refseq": genome.sequences,
        "assembly_nuccore_insdc": genome.genbank_sequences,
    }
    uids = [ncbi.find(accession).uid for accession in by_link[params["linkname"]]]
    found = [{"dbto": "nuccore", "linkname": params["linkname"], "links": uids}] if uids else []
    found += [{"dbto": "nuccore", "linkname": "assembly_nuccore_wgsmaster", "links": ["1"]}]
    return _json({"linksets": [{"dbfrom": "assembly", "ids": [genome.uid], "linksetdbs": found}]})


def _efetch(ncbi: Ncbi, params: dict[str, str]) -> tuple[int, str, str]:
    if params["db"] == "taxonomy":
        return 200, "text/xml; charset=UTF-8", _taxon(params["id"], ncbi.taxa[params["id"]])
    if params["db"] == "pubmed":
        papers = (f"PMID- {one}\nTI  - Paper {one}.\nAB  - About {one}.\n" for one in params["id"].split(","))
        return 200, "text/plain; charset=UTF-8", "\n" + "\n".join(papers)
    found = [ncbi.find(name) for name in params["id"].split(",")]
    if not any(found):
        return 400, "text/plain; charset=UTF-8", f"Failed to retrieve sequence: {params['id']}\n"
    return (
        200,
        "text/plain; charset=UTF-8",
        "".join(_record(each, params["rettype"]) for each in found if each),
    )


def _record(sequence: Sequence, kind: str) -> str:
    return sequence.genbank if kind == "gbwithparts" else sequence.fasta


def _taxon(taxid: str, ladder: tuple[tuple[str, str], ...]) -> str:
    *above, (name, rank) = ladder
    steps = "".join(
        f"<Taxon><TaxId>{number}</TaxId><ScientificName>{name}</ScientificName><Rank>{rank}</Rank></Taxon>"
        for number, (name, rank) in enumerate(above, start=1)
    )
    return f"""<?xml version="1.0" ?>
<!DOCTYPE TaxaSet PUBLIC "-//NLM//DTD Taxon, 14th January 2002//EN" \
"https://www.ncbi.nlm.nih.gov/entrez/query/DTD/taxon.dtd">
<TaxaSet><Taxon><TaxId>{taxid}</TaxId><ScientificName>{name}</ScientificName><Rank>{rank}</Rank>
<LineageEx>{steps}</LineageEx></Taxon></TaxaSet>"""


def _json(answer: object) -> tuple[int, str, str]:
    return 200, "application/json; charset=UTF-8", json.dumps(answer)


ANSWERS = {"esearch": _esearch, "esummary": _esummary, "elink": _elink, "efetch": _efetch}


def refuse(status: int, body: bytes = b"", **headers: str) -> Fault:
    """A status of failure; _ in the names of headers stands for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, _: handler.answer(status, body, "application/json", named)


def say(body: bytes, kind: str = "text/html; charset=UTF-8") -> Fault:
    """Status 200 with another body than the requested one."""
    return lambda handler, _: handler.answer(200, body, kind)


def good(handler: _Handler, body: bytes) -> None:
    """The right answer, a placeholder before a later fault."""
    handler.answer(200, body, "text/plain; charset=UTF-8")


def cut(handler: _Handler, body: bytes) -> None:
    """Half of the body that Content-Length promises."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/plain; charset=UTF-8")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])


def cut_chunks(handler: _Handler, body: bytes) -> None:
    """Half of the body in one chunk, as efetch sends it, and no last chunk."""
    half = body[: len(body) // 2]
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Content-Type", "text/plain; charset=UTF-8")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"%x\r\n%s\r\n" % (len(half), half))
    handler.close_connection = True


def cut_unseen(handler: _Handler, body: bytes) -> None:
    """Half of the body with its own Content-Length, so that HTTP shows nothing wrong."""
    handler.answer(200, body[: len(body) // 2], "text/plain; charset=UTF-8")


def hang_up(handler: _Handler, body: bytes) -> None:
    """No answer at all."""
    handler.close_connection = True


def stall(until: threading.Event) -> Fault:
    """Half of the body, and then silence until the event."""

    def stalled(handler: _Handler, body: bytes) -> None:
        cut(handler, body)
        handler.wfile.flush()
        until.wait(30)

    return stalled
