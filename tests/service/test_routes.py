"""API of `gindex serve`: queries, answers, figures, contents of the index, health."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import subprocess
from pathlib import Path

import pytest
import zstandard
from helpers.fasta import Gindex

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from helpers.running_service import Running, wait_until


@pytest.fixture(scope="module")
def sample(demo: Path) -> bytes:
    return (demo / "sample.fasta").read_bytes()


def written(gindex: Gindex, index: Path, path: Path, *options: str) -> bytes:
    """What `gindex query` prints about a file in the working directory."""
    result = gindex("query", path.name, "--index", index, *options)
    assert result.exit_code == 0, result.stderr
    return result.stdout_bytes


# -- queries and answers


def test_results_equal_those_of_gindex_query(
    service: Running, demo: Path, demo_index: Path, gindex: Gindex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo)
    for name in ("sample", "novel", "stranger"):
        path = demo / f"{name}.fasta"
        with path.open("rb") as file:
            accepted = service.post("/v1/queries", files={"file": (path.name, file)})
        expected = json.loads(written(gindex, demo_index, path, "--format", "json"))
        assert service.finished(accepted.json()["id"])["result"] == expected


@pytest.mark.parametrize("format", ["json", "jsonl", "tsv"])
def test_calls_are_the_bytes_of_gindex_query(
    service: Running, demo: Path, demo_index: Path, format: str, gindex: Gindex,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(demo)
    path = demo / "sample.fasta"
    job = service.query(path.read_bytes(), name=path.name, k=3, genome_per="record")
    options = ["-k", "3", "--genome-per", "record", "--format", format]
    expected = written(gindex, demo_index, path, *options)
    assert service.get(f"{job['links']['calls']}?format={format}").content == expected


def test_a_query_is_accepted_at_once_and_answered_later(service: Running, sample: bytes) -> None:
    response = service.post("/v1/queries", content=sample)
    job = response.json()
    assert (response.status_code, job["state"]) in ((202, "queued"), (202, "running"))
    assert response.headers["location"] == f"/v1/queries/{job['id']}" == job["links"]["self"]
    finished = service.finished(job["id"])
    assert (finished["state"], finished["progress"]) == ("done", {"answered": 1, "inputs": 1})
    assert finished["result"][0]["verdict"] == "species"
    assert finished["expires"] > finished["finished"] >= finished["started"] >= finished["created"]


def test_wait_ends_after_the_timeout_with_the_current_state(service: Running, sample: bytes) -> None:
    response = service.post("/v1/queries?wait=true&timeout=0", content=sample)
    finished = response.json()["finished"]
    assert (response.status_code, finished) in ((202, None), (200, finished))
    assert service.finished(response.json()["id"])["state"] == "done"


@pytest.mark.parametrize("how", ["gz", "bz2", "xz", "zst"])
def test_compressed_uploads_are_unpacked(service: Running, sample: bytes, how: str) -> None:
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress}[how]
    job = service.query(pack(sample), name=f"sample.fasta.{how}")
    assert (job["result"][0]["query"], job["result"][0]["name"]) == ("sample", "Demobacter simulatus")
    assert job["size_bytes"] == len(sample)


def test_every_record_has_a_call_and_a_bad_one_stops_none(service: Running, sample: bytes) -> None:
    body = sample.replace(b"\r", b"").rstrip() + b"\n>odd\nMKVLLAAE!\n>tiny\nACGT\n"
    job = service.query(body, genome_per="record", name="mixed.fa")
    verdicts = {call["query"]: call["verdict"] for call in job["result"]}
    assert (verdicts["odd"], verdicts["tiny"]) == ("failed", "qc_fail")
    assert len(job["result"]) == body.count(b">") == job["progress"]["inputs"]
    assert {call["source"] for call in job["result"]} == {"mixed.fa"}


def test_several_records_are_one_genome_with_a_note(service: Running, sample: bytes) -> None:
    assert sample.count(b">") > 1
    job = service.query(sample, name="sample.fasta")
    assert len(job["result"]) == 1
    assert job["notes"] == [
        "sample.fasta: several records, read as one genome (with genome_per=record each record is a genome)"
    ]


def test_the_form_of_the_page_works_without_script(service: Running, sample: bytes) -> None:
    bases = b"".join(sample.split(b"\n")[1:400]).decode()
    files = {"file": ("", b"")}  # a browser sends an empty file without name if none is chosen
    for text, name in ((bases, "pasted"), (f">mine\n{bases}", "mine")):
        values = {"text": text, "k": "2", "genome_per": "record", "pictures": "false"}
        response = service.post("/queries", data=values, files=files)
        assert response.status_code == 303
        job = service.finished(response.headers["location"].removeprefix("/queries/"))
        assert (job["result"][0]["query"], len(job["result"][0]["hits"])) == (name, 2)
        assert job["name"] == "pasted.fasta"
    wrong = service.post(
        "/queries", data={"text": bases, "k": "0"}, files=files, headers={"Accept": "text/html"}
    )
    assert wrong.status_code == 422
    assert "input should be greater than or equal to 1" in wrong.text.lower()


def test_the_same_idempotency_key_is_the_same_job(service: Running, sample: bytes) -> None:
    headers = {"Idempotency-Key": "once"}
    first, again = (
        service.post("/v1/queries", content=sample, headers=headers).json()["id"] for _ in range(2)
    )
    assert first == again != service.post("/v1/queries", content=sample).json()["id"]


def test_a_deleted_query_is_gone(service: Running, sample: bytes) -> None:
    job = service.query(sample, keep="true")
    stored = service.data / "uploads" / job["id"]
    assert stored.read_bytes() == sample
    assert service.get(f"/v1/queries/{job['id']}/sequence").content == sample
    assert service.delete(job["links"]["self"]).status_code == 204
    response = service.get(job["links"]["self"])
    assert (response.status_code, response.json()["title"]) == (404, "Not found")
    assert not stored.exists()


def test_a_sequence_is_deleted_after_its_job(service: Running, sample: bytes) -> None:
    job = service.query(sample)
    wait_until(lambda: not (service.data / "uploads" / job["id"]).exists(), "the worker deletes the sequence")
    assert service.get(f"/v1/queries/{job['id']}/sequence").status_code == 404


def test_log_and_database_have_no_sequence_and_no_name(service: Running, sample: bytes) -> None:
    secret = b"ACGTTGCATTAGGACCATTGACCAGT" * 40
    uploads = (b">confidential\n" + secret, secret, sample + b">confidential\n" + secret + b"!")
    for body in uploads:
        service.post("/v1/queries?name=confidential.fa", content=body)
    job = service.query(uploads[0], name="confidential.fa")
    service.get("/v1/species/confidential")
    stored = service.data / "uploads" / job["id"]
    wait_until(lambda: not stored.exists(), "the worker deletes the sequence")
    log = service.log.read_bytes()
    assert b"POST /v1/queries 202" in log
    assert b"confidential" not in log
    for path in (service.log, *service.data.glob("*")):
        if path.is_file():
            assert secret[:40] not in path.read_bytes(), path


def test_many_answers_are_streamed(service: Running) -> None:
    body = b"".join(b">r%d\n%s\n" % (number, b"ACGT" * 5) for number in range(1_203))
    job = service.query(body, genome_per="record", name="short.fa")
    assert [call["query"] for call in job["result"]] == [f"r{number}" for number in range(1_203)]
    texts = {
        kind: service.get(f"{job['links']['calls']}?format={kind}").text for kind in ("json", "jsonl", "tsv")
    }
    assert json.loads(texts["json"]) == job["result"]
    assert [json.loads(line) for line in texts["jsonl"].splitlines()] == job["result"]
    assert len(texts["tsv"].splitlines()) == 1_204


# -- what is refused

BAD = [  # body, content type, status, a part of the sentence
    (b"", "text/plain", 422, "upload.fasta: the file is empty; give a FASTA or GenBank file"),
    (b"hello", "text/plain", 422, "expected '>' or 'LOCUS' at the start but found 'hello'"),
    (b"@r\nACGT\n+\nIIII\n", "text/plain", 422, "this is FASTQ, single reads; assemble them first"),
    (b">a\n", "text/plain", 422, "headers but no sequence"),
    (b">a\nMKLVFFAEDVGSNK\n", "text/plain", 422, "which are not nucleotide codes; this looks like protein"),
    (b"\x89PNG\r\n\x1a\n\0\0", "image/png", 422, "this is a binary file, not FASTA or GenBank"),
    (b"\x1f\x8b\x08garbage", "text/plain", 422, "the compressed file is cut short or damaged"),
    (gzip.compress(b">a\n" + b"ACGT" * 999)[:-9], "text/plain", 422, "the compressed file is cut short"),
    (b"LOCUS nothing\n//\n", "text/plain", 422, "upload.fasta: "),
    (b"--x\r\nhello", "multipart/form-data; boundary=x", 422, "send one: curl -F file=@sample.fasta"),
    (b"hello", "multipart/form-data", 400, "boundary"),
    (b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n\r\n--x--\r\n',
     "multipart/form-data; boundary=x", 422, "the form has no field called file"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "kind", "status", "sentence"), BAD, ids=range(len(BAD)))
def test_uploads_without_sequence_are_refused_with_a_sentence(
    service: Running, body: bytes, kind: str, status: int, sentence: str
) -> None:
    response = service.post("/v1/queries", content=body, headers={"Content-Type": kind})
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, problem["status"]) == (status, status)
    assert sentence.lower() in problem["detail"].lower()
    assert (problem["instance"], problem["type"][:10]) == ("/v1/queries", "/problems/")
    assert str(service.data) not in response.text


WRONG_VALUES = [
    ("k=0", "k: Input should be greater than or equal to 1"),
    ("k=51", "k: Input should be less than or equal to 50"),
    ("k=many", "k: Input should be a valid integer"),
    ("genome_per=contig", "genome_per: Input should be 'file' or 'record'"),
    ("timeout=nan", "timeout: Input should be"),
    ("wait=perhaps", "wait: Input should be a valid boolean"),
]


@pytest.mark.parametrize(("values", "sentence"), WRONG_VALUES)
def test_invalid_values_are_named(service: Running, values: str, sentence: str) -> None:
    response = service.post(f"/v1/queries?{values}", content=b">a\nACGT\n")
    assert response.status_code == 422
    assert sentence in response.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1/nothing", "/v1/queries/../../etc/passwd", "/static/../app.py",
             "/v1/queries/%2e%2e%2f%2e%2e%2fservice.sqlite", "/static/%2e%2e/site.css/../../app.py"],
)  # fmt: skip
def test_no_path_leaves_the_service(service: Running, path: str) -> None:
    command = ["curl", "-s", "--path-as-is", "-o", "-", "-w", "%{http_code}", f"{service.url}{path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("404"), done.stdout
    assert "root:" not in done.stdout


def test_a_wrong_method_gets_the_allowed_ones(service: Running) -> None:
    with service.client() as client:
        response = client.put("/v1/queries")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("name", ["../../x.fa", "a\0b", "\u202eevil", "x" * 200, "/etc/passwd", "C:\\x.fa"])
def test_file_names_do_not_reach_the_disk(service: Running, sample: bytes, name: str) -> None:
    def names() -> set[str]:
        return {path.name for path in service.data.parent.rglob("*")}

    before = names()
    job = service.query(sample, name=name)
    assert "/" not in job["name"]
    assert "\\" not in job["name"]
    wait_until(lambda: names() <= before, "nothing new is on the disk")


def test_requests_of_other_sites_are_refused(service: Running) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        response = service.post("/v1/queries", content=b">a\nACGT\n", headers=headers)
        assert (response.status_code, response.json()["type"]) == (403, "/problems/cross-site")
    rebound = service.get("/v1/index", headers={"Host": "evil.example"})
    assert (rebound.status_code, rebound.json()["type"]) == (421, "/problems/host")
    assert service.post("/v1/queries", content=b"", headers={"Origin": service.url}).status_code == 422
    assert "access-control-allow-origin" not in service.get("/v1/index", headers={"Origin": "null"}).headers


def test_every_response_has_the_security_headers(service: Running) -> None:
    for path in ("/healthz", "/v1/index", "/v1/nothing", "/metrics"):
        headers = service.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "server" not in headers


# -- health, contents of the index, figures


def test_health_readiness_and_metrics(service: Running, sample: bytes) -> None:
    assert service.get("/healthz").json() == {"status": "ok"}
    wait_until(lambda: service.get("/readyz").status_code == 200, "a worker is ready")
    assert service.get("/readyz").json()["workers"] >= 1
    wait_until(
        lambda: (
            not (
                metric(service, 'gindex_jobs{state="queued"}')
                + metric(service, 'gindex_jobs{state="running"}')
            )
        ),
        "the jobs of other tests are finished",
    )
    before = metric(service, 'gindex_jobs{state="done"}')
    service.query(sample)
    assert metric(service, 'gindex_jobs{state="done"}') == before + 1
    assert metric(service, "gindex_genomes") == 60


def metric(service: Running, name: str) -> float:
    lines = service.get("/metrics").text.splitlines()
    return float(next(line.split()[-1] for line in lines if line.startswith(name)))


def test_provenance_of_the_index(service: Running) -> None:
    index = service.get("/v1/index").json()
    assert (index["genomes"], index["snapshot"], index["encoder"]) == (60, 1, "spectrum")
    assert index["taxonomy_release"].startswith("taxonomy.tsv")
    assert index["history"][0]["action"] == "build"


def test_genomes_and_species_are_listed(service: Running) -> None:
    genomes = service.get("/v1/genomes?search=demobacter&limit=2").json()
    assert (len(genomes["items"]), genomes["total"] > 2) == (2, True)
    genome = service.get(f"/v1/genomes/{genomes['items'][0]['id']}").json()
    species = service.get(f"/v1/species/{genome['species']}").json()
    assert genome["id"] in [member["id"] for member in species["members"]]
    missing = service.get("/v1/species/Demobacter simulatis")
    assert missing.status_code == 404
    assert "Demobacter simulatus" in missing.json()["detail"]


def test_the_map_has_every_genome(service: Running) -> None:
    def is_ready() -> bool:
        response = service.get("/v1/map")
        assert response.status_code == 200 or response.headers["retry-after"] == "10"
        return response.status_code == 200

    wait_until(is_ready, "the map is made")
    assert len(service.get("/v1/map").json()["ids"]) == 60


@pytest.mark.long
def test_a_species_has_a_composition_figure(service: Running) -> None:
    for kind, first_bytes in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        response = service.get(f"/v1/species/Demobacter simulatus/composition.{kind}?theme=dark")
        assert response.status_code == 200
        assert response.content.startswith(first_bytes)


@pytest.mark.long
def test_figures_are_drawn_on_request(service: Running, sample: bytes) -> None:
    plain = service.query(sample)
    assert service.get(f"{plain['links']['self']}/pictures").json() == {
        "pictures": "none", "windows": [None], "compositions": [False],
    }  # fmt: skip
    job = service.query(sample, pictures="true")
    path = f"{job['links']['self']}/pictures"
    wait_until(lambda: service.get(path).json()["pictures"] != "pending", "the figures are drawn")
    figures = service.get(path).json()
    assert (figures["pictures"], figures["compositions"]) == ("done", [True])
    [windows] = figures["windows"]
    assert (windows["genome"], len(windows["windows"])) == ("upload", 40)
    assert set(windows["windows"][0]) == {"start", "end", "reference", "species", "genus", "identity"}
    composition = service.get(f"{job['links']['self']}/compositions/0.png?theme=dark")
    assert composition.content.startswith(b"\x89PNG")
    stored = service.data / "uploads" / job["id"]
    wait_until(lambda: not stored.exists(), "the worker deletes the sequence")
    report = service.get(job["links"]["report"])
    assert "Demobacter simulatus" in report.text
    assert "sandbox" in report.headers["content-security-policy"]


def test_the_report_of_a_query(service: Running, sample: bytes) -> None:
    job = service.query(sample, name="sample.fasta")
    report = service.get(job["links"]["report"])
    assert report.headers["content-disposition"] == 'attachment; filename="sample-fasta.html"'
    assert report.text.startswith("<!doctype html>")
    assert "Demobacter simulatus" in report.text


def test_without_admin_there_are_no_write_endpoints(service: Running) -> None:
    assert service.post("/v1/genomes", content=b">a\nACGT").status_code == 405
    assert service.post("/v1/index/undo").status_code == 404
