"""gindex fetch against a local NCBI server with good and broken answers; no test needs the network."""

import gzip
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from Bio import Entrez
from gindex_cli import app
from gindex_cli.commands.fetch import DEFAULT_LIMIT, DEFAULT_OUT, fetch
from gindex_cli.run import guarded
from helpers.ncbi_server import (
    ESCHERICHIA,
    SINSHEIMERVIRUS,
    AssembledGenome,
    Ncbi,
    Sequence,
    cut,
    cut_chunks,
    cut_unseen,
    dna,
    good,
    hang_up,
    refuse,
    say,
    serve,
    stall,
)
from typer.testing import CliRunner

from genome_index.errors import UsageError
from genome_index.io.batches import batches
from genome_index.io.ncbi.entrez import BATCH_BP, Record, complete_genbank
from genome_index.io.ncbi.fetch import FetchRequest, FetchRow, FetchSummary, fetch_genomes
from genome_index.io.ncbi.genome_folder import COLUMNS
from genome_index.io.ncbi.requests import EntrezSettings
from genome_index.io.reader import iter_genomes
from genome_index.io.retries import retry_after_s
from genome_index.lab.describe.abstracts import read_abstracts
from genome_index.lab.describe.tables import iter_pairs
from genome_index.taxonomy.tables import read_taxonomy

HTML = b"<!DOCTYPE html>\n<html><body>The site is down for maintenance.</body></html>"
ERROR = b'<?xml version="1.0"?>\n<eFetchResult><ERROR>Unable to obtain query #1</ERROR></eFetchResult>'
ABSENT = (
    b'<?xml version="1.0"?>\n<eFetchResult><ERROR>ID list is empty! Cannot continue</ERROR></eFetchResult>'
)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("NCBI_API_KEY", "NCBI_EMAIL", "GINDEX_ENTREZ_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def real_pace():
    """Requests keep NCBI's pace in this test."""


@pytest.fixture(autouse=True)
def no_pace(monkeypatch, request):
    """No pause between requests, except in tests of the pace."""
    if "real_pace" not in request.fixturenames:
        for name in ("INTERVAL_S", "KEY_INTERVAL_S"):
            monkeypatch.setattr(f"genome_index.io.ncbi.requests.{name}", 0.0)


@pytest.fixture
def ncbi():
    with serve() as ncbi:
        ncbi.taxa = {"562": ESCHERICHIA, "10847": SINSHEIMERVIRUS}
        ncbi.sequences = [
            Sequence("NC_000913.3", dna(1, 4600)),
            Sequence("NC_001422.1", dna(2, 538), "10847", "Escherichia phage phiX174"),
            Sequence("U00096.3", dna(3, 900)),
        ]
        yield ncbi


def run(ncbi: Ncbi, out: Path, *accessions: str, on_done=lambda row: None, **fields) -> FetchSummary:
    """Fetch with waits of hundredths of a second; `fields` are of the settings or of the request."""
    ours = {name: fields.pop(name) for name in ("taxon", "limit", "format") if name in fields}
    quick = {"url": ncbi.url, "email": "a@example.org", "backoff_s": 0.01, "tries": 3, "timeout_s": 5.0}
    settings = EntrezSettings(**(quick | fields))
    return fetch_genomes(FetchRequest(accessions, out=out, settings=settings, **ours), on_done)


def statuses(summary: FetchSummary) -> list[tuple[str, str]]:
    return [(row.accession, row.status) for row in summary.rows]


def sequence_in(path: Path) -> str:
    with gzip.open(path, "rt") as file:
        return "".join(line.strip() for line in file if not line.startswith(">"))


def table_in(out: Path) -> dict[str, dict[str, str]]:
    header, *rows = (out / "taxonomy.tsv").read_text().splitlines()
    names = header.split("\t")
    return {row.split("\t")[0]: dict(zip(names, row.split("\t"), strict=True)) for row in rows}


def files_in(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


def test_genomes_and_their_taxonomy_are_written_to_the_folder(ncbi, tmp_path):
    summary = run(ncbi, tmp_path / "deep" / "out", "NC_000913.3", "nc_001422", "U00096.3")
    out = tmp_path / "deep" / "out"
    assert statuses(summary) == [
        ("NC_000913.3", "fetched"),
        ("NC_001422", "fetched"),
        ("U00096.3", "fetched"),
    ]
    assert files_in(out) == ["NC_000913.3.fa.gz", "NC_001422.1.fa.gz", "U00096.3.fa.gz", "taxonomy.tsv"]
    assert sequence_in(out / "NC_000913.3.fa.gz") == dna(1, 4600)
    assert sequence_in(summary.rows[1].path) == dna(2, 538)
    assert summary.rows[1].path.read_bytes()[3:8] == bytes(
        5
    )  # gzip's flags and time: the same file each time
    assert [row.length_bp for row in summary.rows] == [4600, 538, 900]
    table = table_in(out)
    assert list(table) == ["NC_000913.3", "NC_001422.1", "U00096.3"]
    assert tuple(table["NC_000913.3"]) == COLUMNS
    assert table["NC_000913.3"] == {
        "genome_id": "NC_000913.3",
        "superkingdom": "Bacteria",
        "phylum": "Pseudomonadota",
        "class": "Gammaproteobacteria",
        "order": "Enterobacterales",
        "family": "Enterobacteriaceae",
        "genus": "Escherichia",
        "species": "Escherichia coli",
        "strain": "",
        "taxid": "562",
        "organism": "Escherichia coli",
    }
    assert table["NC_001422.1"]["superkingdom"] == "Viruses"
    assert table["NC_001422.1"]["species"] == "Sinsheimervirus phiX174"


def test_a_build_reads_the_folder(ncbi, tmp_path):
    run(ncbi, tmp_path, "NC_000913.3", "NC_001422.1")
    taxonomy = read_taxonomy(tmp_path / "taxonomy.tsv")
    genomes = list(iter_genomes([tmp_path]))
    assert [(genome.id, genome.length_bp) for genome in genomes] == [
        ("NC_000913.3", 4600),
        ("NC_001422.1", 538),
    ]
    taxa = [taxonomy.find(genome.id) for genome in genomes]
    assert [taxon.lineage.deepest for taxon in taxa] == [
        ("species", "Escherichia coli"),
        ("species", "Sinsheimervirus phiX174"),
    ]
    assert taxa[1].labels == {"taxid": "10847", "organism": "Escherichia phage phiX174"}


@pytest.mark.parametrize("tool", ["esummary", "efetch"])
@pytest.mark.parametrize(
    "fault",
    [
        refuse(429, b'{"error":"API rate limit exceeded"}'),
        refuse(500),
        refuse(503),
        cut,
        cut_chunks,
        cut_unseen,
        hang_up,
        say(HTML),
        say(b'<?xml version="1.0"?>' + HTML, "text/xml"),
        say(ERROR, "text/xml"),
        say(b'{"error":"Search Backend failed: the address table is empty."}', "application/json"),
        say(b"Error: upstream went away\n", "text/plain"),
    ],
    ids=[
        "429",
        "500",
        "503",
        "cut",
        "cut-chunks",
        "cut-unseen",
        "hang-up",
        "html",
        "xhtml",
        "xml-error",
        "json-error",
        "words",
    ],  # fmt: skip
)
def test_a_broken_answer_is_retried(ncbi, tmp_path, tool, fault):
    ncbi.break_next(tool, fault)
    summary = run(ncbi, tmp_path, "NC_000913.3")
    assert statuses(summary) == [("NC_000913.3", "fetched")]
    assert sequence_in(tmp_path / "NC_000913.3.fa.gz") == dna(1, 4600)
    assert len(ncbi.asked(tool)) == {"esummary": 1, "efetch": 2}[tool] + 1


def test_an_incomplete_fasta_never_becomes_a_file(ncbi, tmp_path):
    ncbi.break_next("efetch", good, cut_unseen, cut, cut_chunks)
    summary = run(ncbi, tmp_path, "NC_000913.3", "NC_001422.1")
    assert statuses(summary) == [("NC_000913.3", "failed"), ("NC_001422.1", "fetched")]
    assert "3 times in a row; try again later" in summary.rows[0].reason
    assert files_in(tmp_path) == ["NC_001422.1.fa.gz", "taxonomy.tsv"]
    assert list(table_in(tmp_path)) == ["NC_001422.1"]


def test_a_sequence_must_be_as_long_as_declared(ncbi, tmp_path):
    ncbi.sequences[0].declared_bp = 4601
    summary = run(ncbi, tmp_path, "NC_000913.3")
    assert summary.rows[0].status == "failed"
    assert "1 records, 4600 bp came, 1 records, 4601 bp are declared" in summary.rows[0].reason
    assert dna(1, 4600)[:20] not in summary.rows[0].reason
    assert files_in(tmp_path) == []


def test_text_within_the_sequence_is_a_broken_answer(ncbi, tmp_path):
    def amid(handler, body):
        good(handler, body[:-30] + b"Error: backend lost." + body[-10:])

    ncbi.break_next("efetch", good, amid)
    assert run(ncbi, tmp_path, "NC_000913.3").count("fetched") == 1
    assert sequence_in(tmp_path / "NC_000913.3.fa.gz") == dna(1, 4600)


@pytest.mark.parametrize(
    ("fault", "words"),
    [(say(HTML), "a web page in place of data"), (say(ERROR, "text/xml"), "Unable to obtain query #1")],
    ids=["html", "xml-error"],
)
def test_a_repeatedly_broken_answer_is_reported(ncbi, tmp_path, fault, words):
    ncbi.break_next("esummary", fault, fault, fault)
    summary = run(ncbi, tmp_path, "NC_000913.3", "NC_001422.1")
    assert statuses(summary) == [("NC_000913.3", "failed"), ("NC_001422.1", "fetched")]
    assert words in summary.rows[0].reason
    assert len(ncbi.asked("esummary")) == 3 + 1


def test_retry_after_is_waited_for(ncbi, tmp_path):
    ncbi.break_next("esummary", refuse(429, Retry_After="1"))
    assert run(ncbi, tmp_path, "NC_000913.3").count("fetched") == 1
    first, second = (request.at for request in ncbi.log[:2])
    assert 1.0 <= second - first < 3.0


def test_a_long_retry_after_is_reported_at_once(ncbi, tmp_path):
    ncbi.break_next("esummary", refuse(429, Retry_After="3600"))
    summary = run(ncbi, tmp_path, "NC_000913.3")
    assert "asks to wait 3600 s" in summary.rows[0].reason
    assert len(ncbi.log) == 1


def test_retry_after_may_be_a_date():
    in_a_minute = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
    assert 55 < retry_after_s(in_a_minute) <= 60


def test_waits_grow_and_differ(ncbi, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr("genome_index.io.retries.time", SimpleNamespace(sleep=waits.append))
    ncbi.break_next("esummary", *[refuse(500)] * 5)
    run(ncbi, tmp_path, "NC_000913.3", tries=6, backoff_s=1.0, longest_wait_s=6.0)
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, (1, 2, 4, 6, 6), strict=True))
    assert len({wait / most for wait, most in zip(waits, (1, 2, 4, 6, 6), strict=True)}) > 1


def test_silence_is_a_broken_answer(ncbi, tmp_path):
    done = threading.Event()
    ncbi.break_next("efetch", stall(done))
    try:
        assert run(ncbi, tmp_path, "NC_000913.3", timeout_s=0.2).count("fetched") == 1
        assert ncbi.log[-1].at - ncbi.log[0].at < 10.0  # the stall itself lasts 30 s
    finally:
        done.set()


def test_an_absent_server_is_reported(ncbi, tmp_path):
    summary = run(ncbi, tmp_path, "NC_000913.3", url="http://127.0.0.1:1/eutils")
    assert "the connection to NCBI failed" in summary.rows[0].reason
    assert "Connection refused" in summary.rows[0].reason


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (None, "check the accession and its version"),
        (say(b"\n", "text/plain"), "check the accession and its version"),
        (say(ABSENT, "text/xml"), "(NCBI: ID list is empty! Cannot continue)"),
        (refuse(400), "check the accession and its version"),
        (refuse(400, b'{"error":"API key invalid","api-key":"k"}'), "correct NCBI_API_KEY"),
        (refuse(403), "HTTP 403 (Forbidden)"),
    ],
    ids=["as-esummary-says", "empty", "xml-error", "400", "api-key", "403"],
)
def test_an_absent_record_is_not_requested_again(ncbi, tmp_path, fault, reason):
    if fault:
        ncbi.break_next("esummary", fault)
    summary = run(ncbi, tmp_path, "NC_999999.1", "NC_001422.1")
    assert statuses(summary) == [("NC_999999.1", "failed"), ("NC_001422.1", "fetched")]
    assert reason in summary.rows[0].reason
    assert len(ncbi.asked("esummary")) == 2


@pytest.mark.parametrize(
    "accession", ["../../etc/passwd", "NC_1", "12345678", "NC_000913.3,NC_001422.1", "-"]
)
def test_a_malformed_accession_is_not_requested(ncbi, tmp_path, accession):
    summary = run(ncbi, tmp_path, accession)
    assert "not an accession" in summary.rows[0].reason
    assert ncbi.log == []


def test_another_version_than_requested_is_refused(ncbi, tmp_path):
    ncbi.find = lambda name: ncbi.sequences[0]
    assert "NCBI answers with NC_000913.3; ask for that" in run(ncbi, tmp_path, "NC_000913.2").rows[0].reason


def test_the_master_record_of_a_draft_is_refused(ncbi, tmp_path):
    ncbi.sequences.append(Sequence("NZ_AGNZ00000000.1", "A"))
    assert "ask for its assembly" in run(ncbi, tmp_path, "NZ_AGNZ00000000").rows[0].reason


@pytest.fixture
def draft(ncbi):
    contigs = [Sequence(f"NZ_AGNZ0100000{n}.1", dna(n, 80 + n), title="contig") for n in range(1, 8)]
    twins = [Sequence(f"AGNZ0100000{n}.1", dna(n, 80 + n), title="contig") for n in range(1, 8)]
    cover = Sequence("NZ_AGNZ00000000.1", "A", title="whole genome shotgun")
    ncbi.sequences += [*contigs, *twins, cover]
    names = [[each.accession for each in records] for records in ([cover, *contigs], twins)]
    ncbi.assemblies = [AssembledGenome("GCF_000005845.2", "GCA_000005845.1", *names, total_bp=588)]
    return "".join(contig.sequence for contig in contigs)


@pytest.mark.parametrize(
    ("asked", "genome_id", "link"),
    [
        ("GCF_000005845.2", "GCF_000005845.2", "assembly_nuccore_refseq"),
        ("GCF_000005845", "GCF_000005845.2", "assembly_nuccore_refseq"),
        ("GCA_000005845.1", "GCA_000005845.1", "assembly_nuccore_insdc"),
    ],
)
def test_an_assembly_comes_as_all_its_records(ncbi, draft, tmp_path, asked, genome_id, link):
    summary = run(ncbi, tmp_path, asked, page=3)
    assert statuses(summary) == [(asked, "fetched")]
    assert sequence_in(tmp_path / f"{genome_id}.fa.gz") == draft
    assert table_in(tmp_path)[genome_id]["species"] == "Escherichia coli"
    assert [params["linkname"] for params in ncbi.asked("elink")] == [link]
    assert len([params for params in ncbi.asked("efetch") if params["db"] == "nuccore"]) == 3


def test_an_assembly_without_version_is_the_newest(ncbi, draft, tmp_path):
    newest = ncbi.assemblies[0]
    for version, uid in ((1, "11"), (10, "12"), (9, "13")):
        names = f"GCF_000005845.{version}", f"GCA_000005845.{version}"
        ncbi.assemblies.append(AssembledGenome(*names, newest.sequences, [], newest.total_bp, uid))
    run(ncbi, tmp_path, "GCF_000005845")
    assert files_in(tmp_path) == ["GCF_000005845.10.fa.gz", "taxonomy.tsv"]


def test_an_assembly_whose_contigs_have_no_records_is_refused(ncbi, draft, tmp_path):
    ncbi.assemblies[0].total_bp = 589
    summary = run(ncbi, tmp_path, "GCF_000005845.2", "GCF_000005845.1", "GCF_000009999.1")
    assert [row.status for row in summary.rows] == ["failed"] * 3
    assert "NCBI's nucleotide records hold 588 of its 589 bp" in summary.rows[0].reason
    assert files_in(tmp_path) == []


def test_an_incomplete_assembly_leaves_no_file(ncbi, draft, tmp_path):
    ncbi.break_next("efetch", good, good, *[cut] * 3)
    assert run(ncbi, tmp_path, "GCF_000005845.2", page=3).rows[0].status == "failed"
    assert files_in(tmp_path) == []


def test_long_records_are_requested_one_by_one():
    lengths = [BATCH_BP + 1, 5, BATCH_BP, BATCH_BP - 5, 5, 1]
    records = [Record(f"X{n}.1", length, "562", "") for n, length in enumerate(lengths)]
    pages = batches(records, 100, BATCH_BP, strict=True)
    assert [[record.length_bp for record in batch] for batch in pages] == [
        [BATCH_BP + 1],
        [5],
        [BATCH_BP],
        [BATCH_BP - 5, 5],
        [1],
    ]


def test_a_long_request_goes_by_post(ncbi, tmp_path):
    contigs = [Sequence(f"NZ_AGNZ01000{n:03}.1", dna(n, 9), title="contig") for n in range(1, 121)]
    ncbi.sequences += contigs
    names = [contig.accession for contig in contigs]
    ncbi.assemblies = [AssembledGenome("GCF_000005845.2", "GCA_000005845.1", names, [], total_bp=9 * 120)]
    assert run(ncbi, tmp_path, "GCF_000005845.2", page=120).count("fetched") == 1
    assert {request.method for request in ncbi.log} == {"GET", "POST"}


@pytest.fixture
def coli(ncbi):
    ncbi.sequences = [Sequence(f"NC_0001{n:02}.1", dna(n, 300)) for n in range(5)]
    ncbi.sequences += [Sequence("NC_000200.1", dna(8, 300), title="plasmid, complete sequence")]
    ncbi.sequences += [Sequence("CP000200.1", dna(9, 300))]
    return [f"NC_0001{n:02}.1" for n in range(5)]


def test_a_taxon_is_searched_page_by_page_refseq_first(ncbi, coli, tmp_path):
    summary = run(ncbi, tmp_path, taxon="Escherichia", limit=50, page=2)
    assert [row.accession for row in summary.rows] == coli
    assert summary.count("fetched") == 5
    searches = ncbi.asked("esearch")
    assert [(params["retstart"], params["retmax"]) for params in searches] == [
        ("0", "2"),
        ("2", "2"),
        ("4", "2"),
    ]
    assert searches[0]["term"] == '"Escherichia"[Organism] AND complete genome[Title] AND srcdb_refseq[PROP]'
    assert searches[0]["idtype"] == "acc"


def test_a_taxon_stops_at_its_limit(ncbi, coli, tmp_path):
    summary = run(ncbi, tmp_path, taxon="Escherichia", limit=3, page=2)
    assert [row.accession for row in summary.rows] == coli[:3]
    assert [params["retmax"] for params in ncbi.asked("esearch")] == ["2", "1"]


def test_a_search_ends_when_the_server_has_no_more(ncbi, coli, tmp_path):
    ncbi.break_next(
        "esearch", good, say(b'{"esearchresult": {"count": "5", "idlist": []}}', "application/json")
    )
    summary = run(ncbi, tmp_path, taxon="Escherichia", page=2)
    assert [row.accession for row in summary.rows] == coli[:2]


def test_genbank_is_searched_where_refseq_has_none(ncbi, tmp_path):
    ncbi.sequences = [Sequence("CP000200.1", dna(9, 300))]
    assert statuses(run(ncbi, tmp_path, taxon="Escherichia")) == [("CP000200.1", "fetched")]


def test_an_unknown_taxon_is_not_a_search_for_everything(ncbi, coli, tmp_path):
    summary = run(ncbi, tmp_path, taxon="Eshcerichia")
    assert statuses(summary) == [("Eshcerichia", "failed")]
    assert "check its spelling" in summary.rows[0].reason
    assert files_in(tmp_path) == []


def test_quotes_in_a_taxon_do_not_change_the_search(ncbi, coli, tmp_path):
    run(ncbi, tmp_path, taxon='Escherichia"[Organism] OR "Homo')
    assert ncbi.asked("esearch")[0]["term"].startswith('"Escherichia [Organism] OR Homo"[Organism] AND')


def test_a_second_run_requests_only_missing_genomes(ncbi, tmp_path):
    class Stop(Exception):
        pass

    def stop(row: FetchRow) -> None:
        raise Stop

    with pytest.raises(Stop):
        run(ncbi, tmp_path, "NC_000913.3", "NC_001422.1", "U00096", on_done=stop)
    assert files_in(tmp_path) == ["NC_000913.3.fa.gz", "taxonomy.tsv"]
    ncbi.log.clear()
    summary = run(ncbi, tmp_path, "NC_000913", "NC_000913.3", "NC_001422.1", "U00096")
    assert [row.status for row in summary.rows] == [
        "already present",
        "already present",
        "fetched",
        "fetched",
    ]
    assert summary.rows[0].path == tmp_path / "NC_000913.3.fa.gz"
    assert {params["id"] for params in ncbi.asked("esummary")} == {"NC_001422.1", "U00096"}
    assert not any("NC_000913" in str(request.params) for request in ncbi.log)
    assert list(table_in(tmp_path)) == ["NC_000913.3", "NC_001422.1", "U00096.3"]


@pytest.mark.parametrize("lost", ["NC_000913.3.fa.gz", "taxonomy.tsv"])
def test_a_file_without_its_row_and_a_row_without_its_file_are_fetched_again(ncbi, tmp_path, lost):
    run(ncbi, tmp_path, "NC_000913.3")
    (tmp_path / lost).unlink()
    assert run(ncbi, tmp_path, "NC_000913.3").count("fetched") == 1
    assert files_in(tmp_path) == ["NC_000913.3.fa.gz", "taxonomy.tsv"]
    assert list(table_in(tmp_path)) == ["NC_000913.3"]


def test_a_killed_run_leaves_no_partial_file_and_is_resumed(ncbi, tmp_path):
    silence = threading.Event()
    ncbi.break_next("efetch", *[good] * 3, stall(silence))
    code = (
        "from pathlib import Path; from genome_index.io.ncbi.fetch import FetchRequest, fetch_genomes;"
        f"fetch_genomes(FetchRequest(('NC_000913.3', 'NC_001422.1'), out=Path({str(tmp_path)!r})))"
    )
    search = os.pathsep.join(path for path in sys.path if path)
    ours = {"GINDEX_ENTREZ_URL": ncbi.url, "NCBI_API_KEY": "k", "PYTHONPATH": search}
    with subprocess.Popen([sys.executable, "-c", code], env=os.environ | ours) as process:
        deadline = time.monotonic() + 30
        while len(ncbi.asked("efetch")) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    silence.set()
    assert process.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.glob("*.fa.gz")] == ["NC_000913.3.fa.gz"]
    assert list(table_in(tmp_path)) == ["NC_000913.3"]
    ncbi.log.clear()
    summary = run(ncbi, tmp_path, "NC_000913.3", "NC_001422.1")
    assert [row.status for row in summary.rows] == ["already present", "fetched"]
    assert not any("NC_000913" in str(request.params) for request in ncbi.log)
    assert sequence_in(tmp_path / "NC_001422.1.fa.gz") == dna(2, 538)
    assert files_in(tmp_path) == ["NC_000913.3.fa.gz", "NC_001422.1.fa.gz", "taxonomy.tsv"]


@pytest.mark.parametrize(("key", "least_s", "most_s"), [(None, 4 / 3, 4.0), ("k", 0.36, 1.2)])
def test_requests_keep_ncbis_pace(ncbi, tmp_path, real_pace, key, least_s, most_s):
    ncbi.break_next("esummary", refuse(500), refuse(500))  # retries keep the pace too
    run(ncbi, tmp_path, "NC_000913.3", api_key=key, backoff_s=0.001)
    assert len(ncbi.log) == 5
    assert least_s <= ncbi.log[-1].at - ncbi.log[0].at < most_s


def test_requests_name_tool_email_and_key(ncbi, tmp_path, monkeypatch):
    monkeypatch.setenv("NCBI_API_KEY", "secret-key")
    monkeypatch.setenv("NCBI_EMAIL", "me@example.org")
    monkeypatch.setenv("GINDEX_ENTREZ_URL", ncbi.url + "/")
    settings = EntrezSettings.from_environment()
    fetch_genomes(FetchRequest(("NC_000913.3",), out=tmp_path, settings=settings))
    assert len(ncbi.log) == 3
    for request in ncbi.log:
        who = [request.params.get(name) for name in ("tool", "email", "api_key")]
        assert who == ["gindex", "me@example.org", "secret-key"]
    assert "secret-key" not in repr(settings)
    assert EntrezSettings.from_environment("you@example.org").email == "you@example.org"


def test_email_and_key_are_optional(ncbi, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(ncbi, tmp_path, "NC_000913.3", email=None).count("fetched") == 1
    assert all({"email", "api_key"}.isdisjoint(request.params) for request in ncbi.log)


def test_biopython_is_unchanged(ncbi, tmp_path):
    before = dict(vars(Entrez))
    run(ncbi, tmp_path, "NC_000913.3", api_key="k")
    assert vars(Entrez) == before


@pytest.mark.parametrize(
    "fields",
    [{}, {"accessions": ("NC_000913",), "taxon": "Escherichia"}, {"taxon": " "}, {"taxon": "x", "limit": 0}],
)
def test_a_wrong_request_is_refused(fields):
    with pytest.raises(UsageError, match=r"give accessions|give 1 or more"):
        FetchRequest(**fields)


def test_a_foreign_table_is_never_overwritten(ncbi, tmp_path):
    (tmp_path / "taxonomy.tsv").write_text("id\tspecies\nmine\tHyla arborea\n")
    with pytest.raises(UsageError, match="choose another --out"):
        run(ncbi, tmp_path, "NC_000913.3")
    assert (tmp_path / "taxonomy.tsv").read_text() == "id\tspecies\nmine\tHyla arborea\n"
    with pytest.raises(UsageError, match="choose another --out"):
        run(ncbi, tmp_path / "taxonomy.tsv", "NC_000913.3")


def test_a_wrong_address_of_the_server_is_refused():
    with pytest.raises(UsageError, match="GINDEX_ENTREZ_URL is 'file:///etc'"):
        EntrezSettings(url="file:///etc")


def test_a_disk_error_is_reported_and_the_others_go_on(ncbi, tmp_path):
    (tmp_path / "NC_000913.3.fa.gz").mkdir()
    summary = run(ncbi, tmp_path, "NC_000913.3", "NC_001422.1")
    assert [row.status for row in summary.rows] == ["failed", "fetched"]
    assert f"{tmp_path}/NC_000913.3.fa.gz: cannot write here" in summary.rows[0].reason
    assert files_in(tmp_path) == ["NC_000913.3.fa.gz", "NC_001422.1.fa.gz", "taxonomy.tsv"]


def test_importing_the_library_does_not_import_biopython():
    search = os.pathsep.join(path for path in sys.path if path)
    code = "import sys, genome_index.io.ncbi.fetch; sys.exit('Bio' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": search}).returncode == 0
    )


def test_the_options_have_the_defaults_of_the_library():
    assert (FetchRequest.limit, FetchRequest.out) == (DEFAULT_LIMIT, DEFAULT_OUT)


@pytest.fixture
def cited(ncbi):
    """Two records as they are, one of which cites two papers, the other one of these."""
    ncbi.sequences[0].pubmed, ncbi.sequences[2].pubmed = ("11", "12"), ("12",)
    return ncbi


def test_records_come_as_genbank_with_the_papers_that_they_cite(cited, tmp_path):
    out = tmp_path / "out"
    summary = run(cited, out, "NC_000913.3", "U00096.3", "NC_001422", format="genbank")
    assert summary.count("fetched") == 3
    assert files_in(out) == [
        "NC_000913.3.gb.gz", "NC_001422.1.gb.gz", "U00096.3.gb.gz", "abstracts.nbib", "taxonomy.tsv",
    ]  # fmt: skip
    [genome] = iter_genomes([out / "NC_000913.3.gb.gz"])
    assert genome.contigs[0].sequence.decode() == dna(1, 4600)
    assert set(read_abstracts(out / "abstracts.nbib")) == {"11", "12"}
    asked = [params["id"] for params in cited.asked("efetch") if params["db"] == "pubmed"]
    assert asked == ["11,12"]  # the second record's paper is there by then
    again = run(cited, out, "NC_000913.3", format="genbank")
    assert statuses(again) == [("NC_000913.3", "already present")]


def test_a_genome_whose_papers_fail_is_fetched_again(cited, tmp_path):
    out = tmp_path / "out"
    cited.break_next("efetch", good, good, refuse(400))  # lineage, record, papers
    assert run(cited, out, "NC_000913.3", format="genbank").count("failed") == 1
    assert run(cited, out, "NC_000913.3", format="genbank").count("fetched") == 1
    assert set(read_abstracts(out / "abstracts.nbib")) == {"11", "12"}


@pytest.mark.parametrize("fault", [cut_unseen, say(b"LOCUS       X 4 bp\n//\n"), say(HTML)])
def test_a_broken_record_is_retried(cited, tmp_path, fault):
    cited.break_next("efetch", good, fault)
    assert run(cited, tmp_path / "out", "NC_000913.3", format="genbank").count("fetched") == 1


def test_a_folder_has_one_format(cited, tmp_path):
    run(cited, tmp_path, "NC_000913.3")
    with pytest.raises(
        UsageError, match=r"genomes as .fa.gz, which would be in it twice; choose another --out"
    ):
        run(cited, tmp_path, "NC_000913.3", format="genbank")


def test_a_record_that_declares_another_length_is_broken():
    text = Sequence("NC_1.1", "ACGT").genbank.encode()
    assert complete_genbank(text, {"NC_1.1": 4}) == text.strip() + b"\n"
    with pytest.raises(ValueError, match="0 records, 0 bp came"):
        complete_genbank(text.replace(b"//", b""), {"NC_1.1": 4})
    for expected in ({"NC_1.1": 5}, {"NC_2.1": 4}, {"NC_1.1": 4, "NC_2.1": 4}):
        with pytest.raises(ValueError, match="1 records, 4 bp came"):
            complete_genbank(text, expected)


@pytest.fixture
def command(ncbi, tmp_path, monkeypatch):
    """The command, against the local server."""
    monkeypatch.setenv("GINDEX_ENTREZ_URL", ncbi.url)
    app = typer.Typer()
    app.command()(guarded(fetch))
    return lambda *arguments: CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])


def test_command_fetches_and_names_the_next_command(command, ncbi, tmp_path):
    result = command("NC_000913.3", "NC_001422", "--email", "me@example.org")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"fetched\tNC_000913.3\t{tmp_path}/out/NC_000913.3.fa.gz\t4,600 bp\tEscherichia coli",
        f"fetched\tNC_001422\t{tmp_path}/out/NC_001422.1.fa.gz\t538 bp\tEscherichia phage phiX174",
    ]
    assert result.stderr.splitlines() == [
        "2 fetched, 0 already present, 0 failed",
        f"next: gindex build {tmp_path}/out --taxonomy {tmp_path}/out/taxonomy.tsv",
    ]
    assert ncbi.log[0].params["email"] == "me@example.org"
    again = command("NC_000913.3", "NC_001422")
    assert again.exit_code == 0
    assert "0 fetched, 2 already present, 0 failed" in again.stderr
    assert "give --email, or set NCBI_EMAIL" in again.stderr


def test_command_names_the_command_that_describes_records(command, cited, tmp_path):
    result = command("NC_000913.3", "--format", "genbank", "--email", "me@example.org")
    assert result.exit_code == 0, result.output
    out = tmp_path / "out"
    assert f"descriptions: gindex lab describe {out} --abstracts {out}/abstracts.nbib" in result.stderr
    words = [
        "lab",
        "describe",
        str(out),
        "--abstracts",
        f"{out}/abstracts.nbib",
        "--out",
        str(tmp_path / "pairs"),
    ]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    [pair] = iter_pairs(tmp_path / "pairs")
    assert (pair.titles, pair.abstracts) == (["Paper 11", "Paper 12"], ["About 11.", "About 12."])


def test_command_ends_with_1_when_some_failed(command):
    result = command("NC_999999.1", "NC_000913.3")
    assert result.exit_code == 1
    assert [line.split("\t")[:2] for line in result.stdout.splitlines()] == [
        ["failed", "NC_999999.1"],
        ["fetched", "NC_000913.3"],
    ]
    assert "1 fetched, 0 already present, 1 failed" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("NC_000913.3", "--taxon", "Escherichia"),
        ("--taxon", "Escherichia", "--limit", "0"),
        ("--no-such",),
    ],
    ids=["nothing", "both", "limit", "option"],
)
def test_command_ends_with_2_when_used_wrongly(command, ncbi, arguments):
    result = command(*arguments)
    assert result.exit_code == 2
    assert result.stderr
    assert ncbi.log == []


def test_command_fetches_a_taxon(command, ncbi, coli):
    result = command("--taxon", "Escherichia", "--limit", "2")
    assert result.exit_code == 0
    assert [line.split("\t")[1] for line in result.stdout.splitlines()] == coli[:2]
