"""gindex serve: a real process on loopback, asked as scripts ask it."""

from __future__ import annotations

import gzip
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers.fasta import WriteFasta

httpx = pytest.importorskip("httpx", reason="the extra serve is not installed")

from helpers.running_service import Running, a_key, running, start


@pytest.fixture(scope="module")
def sample(demo: Path) -> bytes:
    return (demo / "sample.fasta").read_bytes()


def cli_json(index: Path, path: Path, *options: str) -> list[dict]:
    command = [
        sys.executable,
        "-m",
        "gindex_cli",
        "query",
        path.name,
        "--index",
        str(index),
        "--format",
        "json",
    ]
    done = subprocess.run([*command, *options], cwd=path.parent, capture_output=True, check=True)
    return json.loads(done.stdout)


def test_the_result_is_exactly_that_of_gindex_query(service: Running, demo: Path, demo_index: Path) -> None:
    for name in ("sample", "novel", "stranger"):
        path = demo / f"{name}.fasta"
        with path.open("rb") as file:
            answer = httpx.post(f"{service.url}/v1/queries?wait=true", files={"file": (path.name, file)})
        assert answer.status_code == 200
        assert answer.json()["result"] == cli_json(demo_index, path)


@pytest.mark.parametrize("format", ["json", "jsonl", "tsv"])
def test_calls_are_the_bytes_that_gindex_query_writes(
    service: Running, demo: Path, demo_index: Path, format: str
) -> None:
    path = demo / "sample.fasta"
    job = service.ask(path.read_bytes(), name=path.name, k=3, genome_per="record").json()
    options = ["-k", "3", "--genome-per", "record", "--format", format]
    command = [sys.executable, "-m", "gindex_cli", "query", path.name, "--index", str(demo_index), *options]
    expected = subprocess.run(command, cwd=demo, capture_output=True, check=True).stdout
    assert service.get(f"{job['links']['calls']}?format={format}").content == expected


def test_a_query_is_taken_in_at_once_and_answered_later(service: Running, sample: bytes) -> None:
    answer = service.ask(sample, wait="false")
    job = answer.json()
    assert (answer.status_code, job["state"]) in ((202, "queued"), (202, "running"))
    assert answer.headers["location"] == f"/v1/queries/{job['id']}" == job["links"]["self"]
    over = service.get(f"/v1/queries/{job['id']}?wait=true").json()
    assert (over["state"], over["progress"]) == ("done", {"answered": 1, "inputs": 1})
    assert over["result"][0]["verdict"] == "species"
    assert over["expires"] > over["finished"] >= over["started"] >= over["created"]


@pytest.mark.parametrize("how", ["gz", "bz2", "xz", "zst"])
def test_packed_uploads_are_unpacked(service: Running, sample: bytes, how: str) -> None:
    import bz2
    import lzma

    import zstandard

    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress}[how]
    job = service.ask(pack(sample), name=f"sample.fasta.{how}").json()
    assert (job["result"][0]["query"], job["result"][0]["name"]) == ("sample", "Demobacter simulatus")
    assert job["size_bytes"] == len(sample)


def test_every_record_has_its_row_and_a_bad_one_stops_none(service: Running, sample: bytes) -> None:
    body = sample.replace(b"\r", b"").rstrip() + b"\n>odd\nMKVLLAAE!\n>tiny\nACGT\n"
    job = service.ask(body, genome_per="record", name="mixed.fa").json()
    found = {call["query"]: call["verdict"] for call in job["result"]}
    assert (found["odd"], found["tiny"]) == ("failed", "qc_fail")
    assert len(job["result"]) == body.count(b">") == job["progress"]["inputs"]
    assert {call["source"] for call in job["result"]} == {"mixed.fa"}


def test_several_records_are_one_genome_and_a_note_says_so(service: Running, sample: bytes) -> None:
    assert sample.count(b">") > 1
    job = service.ask(sample, name="sample.fasta").json()
    assert len(job["result"]) == 1
    assert "genome_per=record makes each record one" in job["notes"][0]


def test_the_form_of_the_page_is_taken_without_script(service: Running, sample: bytes) -> None:
    bases = b"".join(sample.split(b"\n")[1:400]).decode()
    files = {"file": ("", b"")}  # a browser sends a file that was not chosen as an empty one without a name
    url = f"{service.url}/queries"
    for text, name in ((bases, "pasted"), (f">mine\n{bases}", "mine")):
        values = {"text": text, "k": "2", "genome_per": "record", "pictures": "false"}
        sent = httpx.post(url, data=values, files=files)
        assert sent.status_code == 303
        job = service.get(f"/v1{sent.headers['location']}?wait=true").json()
        assert (job["result"][0]["query"], len(job["result"][0]["hits"])) == (name, 2)
        assert job["name"] == "pasted.fasta"
    wrong = httpx.post(url, data={"text": bases, "k": "0"}, files=files, headers={"Accept": "text/html"})
    assert wrong.status_code == 422
    assert "input should be greater than or equal to 1" in wrong.text.lower()


def test_the_same_idempotency_key_is_the_same_job(service: Running, sample: bytes) -> None:
    url, headers = f"{service.url}/v1/queries", {"Idempotency-Key": "once"}
    first, again = (httpx.post(url, content=sample, headers=headers).json()["id"] for _ in range(2))
    assert first == again != httpx.post(url, content=sample).json()["id"]


def test_deleting_forgets_everything(service: Running, sample: bytes) -> None:
    job = service.ask(sample, keep="true").json()
    kept = service.data / "uploads" / job["id"]
    assert kept.read_bytes() == sample
    assert service.get(f"/v1/queries/{job['id']}/sequence").content == sample
    assert httpx.delete(service.url + job["links"]["self"]).status_code == 204
    gone = service.get(job["links"]["self"])
    assert (gone.status_code, gone.json()["title"]) == (404, "There is no such thing here")
    assert not kept.exists()


def test_a_sequence_is_deleted_after_its_job(service: Running, sample: bytes) -> None:
    job = service.ask(sample).json()
    assert not (service.data / "uploads" / job["id"]).exists()
    assert service.get(f"/v1/queries/{job['id']}/sequence").status_code == 404


def test_no_sequence_and_no_name_in_the_log_or_the_database(
    demo_index: Path, tmp_path: Path, sample: bytes
) -> None:
    secret = b"ACGTTGCATTAGGACCATTGACCAGT" * 40
    with running(demo_index, tmp_path / "data") as service:
        for body in (
            b">confidential\n" + secret + b"\n",
            secret,
            sample + b">confidential\n" + secret + b"!",
        ):
            service.ask(body, name="confidential.fa")
        httpx.get(f"{service.url}/v1/species/confidential")
    log = service.log.read_bytes()
    assert b"POST /v1/queries 200" in log
    assert b"confidential" not in log
    for path in (service.log, *service.data.rglob("*")):
        if path.is_file():
            assert secret[:40] not in path.read_bytes(), path


BAD = [  # what is sent, content type, status, a part of the sentence
    (b"", "text/plain", 422, "upload.fasta: the file is empty; give a FASTA or GenBank file"),
    (b"hello", "text/plain", 422, "expected '>' or 'LOCUS' at the start but found 'hello'"),
    (b"@r\nACGT\n+\nIIII\n", "text/plain", 422, "this is FASTQ, single reads; assemble them first"),
    (b">a\n", "text/plain", 422, "headers but no sequence"),
    (b">a\nMKLVFFAEDVGSNK\n", "text/plain", 422, "which are no nucleotide codes; this looks like protein"),
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
def test_what_is_no_sequence_is_refused_with_a_sentence(
    service: Running, body: bytes, kind: str, status: int, sentence: str
) -> None:
    answer = httpx.post(f"{service.url}/v1/queries", content=body, headers={"Content-Type": kind})
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"]) == (status, status)
    assert sentence.lower() in problem["detail"].lower()
    assert (problem["instance"], problem["type"][:10]) == ("/v1/queries", "/problems/")
    assert str(service.data) not in answer.text


WRONG_VALUES = [
    ("k=0", "k: Input should be greater than or equal to 1"),
    ("k=51", "k: Input should be less than or equal to 50"),
    ("k=many", "k: Input should be a valid integer"),
    ("genome_per=contig", "genome_per: Input should be 'file' or 'record'"),
    ("timeout=nan", "timeout: Input should be"),
    ("wait=perhaps", "wait: Input should be a valid boolean"),
]


@pytest.mark.parametrize(("values", "sentence"), WRONG_VALUES)
def test_wrong_values_are_named(service: Running, values: str, sentence: str) -> None:
    answer = httpx.post(f"{service.url}/v1/queries?{values}", content=b">a\nACGT\n")
    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1/nothing", "/v1/queries/../../etc/passwd", "/static/../app.py",
             "/v1/queries/%2e%2e%2f%2e%2e%2fservice.sqlite", "/static/%2e%2e/site.css/../../app.py"],
)  # fmt: skip
def test_paths_lead_nowhere_else(service: Running, path: str) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    command = ["curl", "-s", "--path-as-is", "-o", "-", "-w", "%{http_code}", f"http://{host}:{port}{path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("404"), done.stdout
    assert "root:" not in done.stdout


def test_a_wrong_method_is_told_the_right_ones(service: Running) -> None:
    answer = httpx.put(f"{service.url}/v1/queries")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("name", ["../../x.fa", "a\0b", "\u202eevil", "x" * 200, "/etc/passwd", "C:\\x.fa"])
def test_no_name_reaches_the_disk(service: Running, sample: bytes, name: str) -> None:
    before = sorted(service.data.parent.rglob("*"))
    job = service.ask(sample, name=name).json()
    assert "/" not in job["name"]
    assert "\\" not in job["name"]
    assert sorted(service.data.parent.rglob("*")) == before


def test_browsers_of_other_sites_are_refused(service: Running) -> None:
    post = f"{service.url}/v1/queries"
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        answer = httpx.post(post, content=b">a\nACGT\n", headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/cross-site")
    rebound = service.get("/v1/index", headers={"Host": "evil.example"})
    assert (rebound.status_code, rebound.json()["type"]) == (421, "/problems/host")
    assert httpx.post(post, content=b"", headers={"Origin": service.url}).status_code == 422  # its own page
    assert "access-control-allow-origin" not in service.get("/v1/index", headers={"Origin": "null"}).headers


def test_the_usual_headers_are_on_every_answer(service: Running) -> None:
    for path in ("/healthz", "/v1/index", "/v1/nothing", "/metrics"):
        headers = service.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "server" not in headers


def test_a_bomb_is_refused_before_it_fills_anything(demo_index: Path, tmp_path: Path) -> None:
    import lzma

    import zstandard

    text = b">a\n" + b"A" * 30_000_000
    with running(demo_index, tmp_path / "data", "--upload-mb", "5") as service:
        for packed in (gzip.compress(text), lzma.compress(text), zstandard.compress(text)):
            assert len(packed) < 100_000
            answer = service.ask(packed)
            assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")
            assert "it unpacks to more than the 20 MB that are taken" in answer.json()["detail"]
        long_window = zstandard.ZstdCompressor(
            compression_params=zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True)
        ).compressobj()
        answer = service.ask(long_window.compress(text) + long_window.flush())
        assert answer.status_code == 413 or "memory" in answer.json()["detail"]
        assert list((service.data / "uploads").iterdir()) == []


def test_what_is_too_large_is_refused_with_both_numbers(demo_index: Path, tmp_path: Path) -> None:
    with running(demo_index, tmp_path / "data", "--upload-mb", "1") as service:
        for size in (1_500_000, 3_000_000):
            answer = service.ask(b">a\n" + b"ACGT" * (size // 4))
            assert answer.status_code == 413
            assert f"{size / 1e6:.1f} MB were sent, and 1 MB are taken" in answer.json()["detail"]
        assert list((service.data / "uploads").iterdir()) == []


def test_health_readiness_and_metrics(service: Running, sample: bytes) -> None:
    assert service.get("/healthz").json() == {"status": "ok"}
    assert service.get("/readyz").json()["workers"] >= 1
    before = metric(service, 'gindex_jobs{state="done"}')
    service.ask(sample)
    assert metric(service, 'gindex_jobs{state="done"}') == before + 1
    assert metric(service, "gindex_genomes") == 60


def metric(service: Running, name: str) -> float:
    lines = service.get("/metrics").text.splitlines()
    return float(next(line.split()[-1] for line in lines if line.startswith(name)))


def test_provenance_says_when_the_index_was_built_and_from_what(service: Running) -> None:
    found = service.get("/v1/index").json()
    assert (found["genomes"], found["snapshot"], found["encoder"]) == (60, 1, "spectrum")
    assert found["taxonomy_release"].startswith("taxonomy.tsv")
    assert found["history"][0]["action"] == "build"


def test_genomes_and_species_can_be_browsed(service: Running) -> None:
    genomes = service.get("/v1/genomes?search=demobacter&limit=2").json()
    assert (len(genomes["items"]), genomes["total"] > 2) == (2, True)
    one = service.get(f"/v1/genomes/{genomes['items'][0]['id']}").json()
    species = service.get(f"/v1/species/{one['species']}").json()
    assert one["id"] in [member["id"] for member in species["members"]]
    missing = service.get("/v1/species/Demobacter simulatis")
    assert missing.status_code == 404
    assert "Demobacter simulatus" in missing.json()["detail"]


def test_the_map_has_every_genome(service: Running) -> None:
    end = time.monotonic() + 60
    while (answer := service.get("/v1/map")).status_code == 503 and time.monotonic() < end:
        assert answer.headers["retry-after"] == "10"
        time.sleep(0.2)
    assert len(answer.json()["ids"]) == 60


def test_a_species_has_a_portrait(service: Running) -> None:
    for kind, start_ in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        answer = service.get(f"/v1/species/Demobacter simulatus/portrait.{kind}?theme=dark")
        assert answer.status_code == 200
        assert answer.content.startswith(start_)


def test_pictures_are_made_when_they_are_asked_for(service: Running, sample: bytes) -> None:
    plain = service.ask(sample).json()
    assert service.get(f"{plain['links']['self']}/pictures").json() == {
        "pictures": "none", "paintings": [None], "portraits": [False],
    }  # fmt: skip
    job = service.ask(sample, pictures="true").json()
    end = time.monotonic() + 60
    while (found := service.get(f"{job['links']['self']}/pictures").json())["pictures"] == "pending":
        assert time.monotonic() < end
        time.sleep(0.1)
    assert (found["pictures"], found["portraits"]) == ("done", [True])
    assert found["paintings"][0]["stripes"]
    portrait = service.get(f"{job['links']['self']}/portraits/0.png?theme=dark")
    assert portrait.content.startswith(b"\x89PNG")
    assert not (service.data / "uploads" / job["id"]).exists()
    report = service.get(job["links"]["report"])
    assert "Demobacter simulatus" in report.text
    assert "sandbox" in report.headers["content-security-policy"]


def test_the_report_is_that_of_gindex_query(
    service: Running, demo: Path, demo_index: Path, tmp_path: Path
) -> None:
    path = demo / "sample.fasta"
    job = service.ask(path.read_bytes(), name=path.name).json()
    report = service.get(job["links"]["report"])
    assert report.headers["content-disposition"] == 'attachment; filename="sample-fasta.html"'
    assert report.text.startswith("<!doctype html>")
    assert "Demobacter simulatus" in report.text


def test_wait_ends_after_the_timeout_with_the_job_as_it_is(service: Running, sample: bytes) -> None:
    answer = service.ask(sample * 1, timeout=0)
    assert (answer.status_code, answer.json()["finished"]) in ((202, None), (200, answer.json()["finished"]))
    assert service.get(f"{answer.json()['links']['self']}?wait=true").json()["state"] == "done"


def test_jobs_outlive_an_orderly_restart(demo_index: Path, tmp_path: Path, sample: bytes) -> None:
    with running(demo_index, tmp_path / "data") as service:
        done = service.ask(sample).json()
        waiting = [service.ask(sample, wait="false").json()["id"] for _ in range(20)]
    with running(demo_index, tmp_path / "data") as service:
        assert service.get(f"/v1/queries/{done['id']}").json() == done
        for job in waiting:
            assert service.get(f"/v1/queries/{job}?wait=true").json()["state"] == "done"


def test_kill_9_under_load_loses_no_accepted_job(demo_index: Path, tmp_path: Path, sample: bytes) -> None:
    accepted: list[str] = []
    for _ in range(2):
        service = start(demo_index, tmp_path / "data")

        def send(service: Running = service) -> None:
            try:
                client = service.client()
                while True:
                    answer = client.post("/v1/queries", content=sample)
                    assert answer.status_code == 202
                    accepted.append(answer.json()["id"])
            except httpx.TransportError:
                return  # killed

        with ThreadPoolExecutor(4) as pool:
            sending = [pool.submit(send) for _ in range(4)]
            time.sleep(2)
            service.kill()
            for one in sending:
                one.result()
    assert len(accepted) > 20
    with running(demo_index, tmp_path / "data") as service:
        for job in accepted:
            found = service.get(f"/v1/queries/{job}?wait=true").json()
            assert (found["state"], found["result"][0]["name"]) == ("done", "Demobacter simulatus")
    [whole] = (
        sqlite3.connect(tmp_path / "data" / "service.sqlite").execute("PRAGMA integrity_check").fetchone()
    )
    assert whole == "ok"


def test_workers_that_are_killed_are_started_again(demo_index: Path, tmp_path: Path, sample: bytes) -> None:
    import psutil

    with running(demo_index, tmp_path / "data", "--workers", "2") as service:
        jobs = [service.ask(sample, wait="false").json()["id"] for _ in range(30)]
        for child in psutil.Process(service.process.pid).children(recursive=True):
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
        for job in jobs:
            assert service.get(f"/v1/queries/{job}?wait=true").json()["state"] == "done"
        assert metric(service, "gindex_worker_deaths") >= 2


def test_a_new_snapshot_is_picked_up_without_a_failed_request(
    own_index: Path, demo: Path, tmp_path: Path
) -> None:
    asked = (demo / "genomes" / "DEMO_0030.fa.gz").read_bytes()
    outcomes: list[tuple[int, int]] = []
    with running(own_index, tmp_path / "data") as service:

        def ask_on(until: float) -> None:
            snapshot = 0
            while snapshot < 2 and time.monotonic() < until:
                answer = service.ask(asked)
                snapshot = answer.json()["result"][0]["provenance"]["snapshot"]
                outcomes.append((answer.status_code, snapshot))

        with ThreadPoolExecutor(3) as pool:
            for _ in range(3):
                pool.submit(ask_on, time.monotonic() + 180)
            time.sleep(1)
            genomes = [str(demo / "genomes" / f"DEMO_{number:04}.fa.gz") for number in (29, 30)]
            command = [sys.executable, "-m", "gindex_cli", "add", *genomes, "--index", str(own_index)]
            subprocess.run([*command, "--taxonomy", str(demo / "taxonomy.tsv")], check=True)
        assert {status for status, _ in outcomes} == {200}
        assert outcomes[0][1] == 1
        assert outcomes[-1][1] == 2
        after = service.ask(asked).json()["result"][0]
        assert after["closest"]["id"] == "DEMO_0030"
        deadline = time.monotonic() + 60  # the HTTP process looks for snapshots by itself, and later
        while service.get("/v1/index").json()["genomes"] != 8:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_one_service_a_folder(service: Running, demo_index: Path) -> None:
    command = [sys.executable, "-m", "gindex_cli", "serve", "--index", str(demo_index), "--port", "0"]
    done = subprocess.run(
        [*command, "--data", str(service.data)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "another gindex" in done.stderr


def test_other_machines_call_for_a_key(demo_index: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gindex_cli", "serve", "--index", str(demo_index), "--host", "0.0.0.0"]
    done = subprocess.run([*command, "--data", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"make one with `gindex key add NAME --data {tmp_path}`" in done.stderr


def test_with_keys_nobody_asks_without_one(demo_index: Path, tmp_path: Path, sample: bytes) -> None:
    data = tmp_path / "data"
    key, other = a_key(data, "me"), a_key(data, "you")
    with running(demo_index, data, "--keys") as service:
        assert service.get("/healthz").status_code == 200
        for path in ("/v1/index", "/metrics", "/v1/queries/x"):
            answer = service.get(path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        wrong = service.get("/v1/index", headers={"X-API-Key": "gx_wrong"})
        assert (wrong.status_code, "not known" in wrong.json()["detail"]) == (401, True)
        for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
            assert service.get("/v1/index", headers=headers).status_code == 200
        mine, yours = {"X-API-Key": key}, {"X-API-Key": other}
        job = httpx.post(f"{service.url}/v1/queries?wait=true", content=sample, headers=mine).json()
        assert service.get(job["links"]["self"], headers=yours).status_code == 200  # the link was shared
        assert httpx.delete(service.url + job["links"]["self"], headers=yours).status_code == 403
        assert httpx.delete(service.url + job["links"]["self"], headers=mine).status_code == 204
        assert key.encode() not in (data / "service.sqlite").read_bytes()


def test_one_who_sends_much_does_not_keep_others_waiting(
    demo_index: Path, tmp_path: Path, sample: bytes
) -> None:
    data = tmp_path / "data"
    many, one = ({"X-API-Key": a_key(data, name)} for name in ("many", "one"))
    with running(demo_index, data, "--keys") as service, service.client(headers=many) as client:
        asked = "/v1/queries?genome_per=record"
        jobs = [client.post(asked, content=sample * 100).json()["id"] for _ in range(12)]
        answer = httpx.post(f"{service.url}/v1/queries?wait=true", content=sample, headers=one, timeout=60)
        assert answer.json()["state"] == "done"
        states = [client.get(f"/v1/queries/{job}").json()["state"] for job in jobs]
        assert states.count("done") < 6
        for job in jobs:
            client.delete(f"/v1/queries/{job}")


def test_an_index_of_a_language_model_is_served_too(
    six_genomes: list[Path], demo: Path, model: str, tmp_path: Path, sample: bytes
) -> None:
    pytest.importorskip("torch", reason="the extra neural is not installed")
    build = [sys.executable, "-m", "gindex_cli", "build", *map(str, six_genomes), "--encoder", model]
    subprocess.run([*build, "--index", str(tmp_path / "neural")], check=True)
    with running(tmp_path / "neural", tmp_path / "data") as service:
        assert service.get("/v1/index").json()["reading"]["layer"] == "last"
        first, second = (service.ask(sample, name="sample.fasta").json()["result"] for _ in range(2))
        assert first == second == cli_json(tmp_path / "neural", demo / "sample.fasta")


def test_who_asks_too_often_is_told_when_to_come_again(demo_index: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    headers = {"X-API-Key": a_key(data, "me")}
    with running(demo_index, data, "--keys") as service, service.client(headers=headers) as client:
        let_in = 0
        while (answer := client.get("/v1/queries/none")).status_code == 404:
            let_in += 1
            assert let_in < 3_000
        assert let_in >= 600
        assert answer.status_code == 429
        assert "a caller may ask 600 times a minute" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) >= 1


def test_the_index_is_changed_by_admins_only(own_index: Path, demo: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    admin, user = a_key(data, "boss", "--admin"), a_key(data, "me")
    genome = demo / "genomes" / "DEMO_0030.fa.gz"
    with running(own_index, data, "--admin") as service, service.client(headers={"X-API-Key": admin}) as boss:
        files = {"file": (genome.name, genome.read_bytes()), "taxonomy": (demo / "taxonomy.tsv").read_bytes()}
        for headers in ({}, {"X-API-Key": user}):
            refused = httpx.post(f"{service.url}/v1/genomes", files=files, headers=headers)
            assert (refused.status_code, refused.json()["type"]) == (403, "/problems/admin")
        added = boss.post("/v1/genomes?wait=60", files=files).json()
        assert (added["state"], added["done"][0]) == ("done", "added 1 genome: the index holds 7")
        assert boss.get("/v1/genomes/DEMO_0030").json()["species"]
        named = boss.patch("/v1/genomes/DEMO_0030?wait=60", json={"species": "Novus nomen", "host": "tick"})
        assert named.json()["state"] == "done"
        one = boss.get("/v1/genomes/DEMO_0030").json()
        assert (one["species"], one["labels"]["host"]) == ("Novus nomen", "tick")
        gone = boss.delete("/v1/genomes/DEMO_0030?wait=60").json()
        assert gone["done"] == ["removed 1 genome: the index holds 6"]
        assert boss.get("/v1/genomes/DEMO_0030").status_code == 404
        back = boss.post("/v1/index/undo?wait=60").json()
        assert back["state"] == "done"
        assert boss.get("/v1/genomes/DEMO_0030").json()["species"] == "Novus nomen"
        assert boss.get(f"/v1/changes/{back['id']}").json() == back


def test_without_admin_there_are_no_write_endpoints(service: Running) -> None:
    assert httpx.post(f"{service.url}/v1/genomes", content=b">a\nACGT").status_code == 405
    assert httpx.post(f"{service.url}/v1/index/undo").status_code == 404


def test_a_job_that_takes_too_long_is_stopped_with_a_sentence(
    demo_index: Path, tmp_path: Path, write_fasta: WriteFasta
) -> None:
    import random

    chance = random.Random(1)
    body = b"".join(b">r%d\n%s\n" % (n, bytes(chance.choices(b"ACGT", k=3_000))) for n in range(6_000))
    with running(demo_index, tmp_path / "data", "--job-minutes", "0.02") as service:
        job = service.ask(body, genome_per="record").json()
        assert job["state"] == "failed"
        assert "took longer than the 1 s" in job["problem"]
        assert not (service.data / "uploads" / job["id"]).exists()
        refused = service.get(job["links"]["calls"])
        assert (refused.status_code, refused.json()["detail"]) == (409, job["problem"])


@contextmanager
def a_disk(path: Path, size: str) -> Iterator[Path]:
    """A file system of its own, which can be filled."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(path)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def fill(path: Path) -> None:
    with path.open("wb") as file:
        while True:
            file.write(b"\0" * 65_536)


def test_a_full_disk_is_refused_with_a_sentence(demo_index: Path, tmp_path: Path, sample: bytes) -> None:
    with a_disk(tmp_path / "disk", "260m") as disk, running(demo_index, disk / "data") as service:
        assert service.ask(sample).status_code == 200
        (disk / "filler").write_bytes(b"\0" * 80_000_000)
        answer = service.ask(sample)
        assert (answer.status_code, answer.json()["type"]) == (507, "/problems/disk")
        assert "MB left and keeps 200 MB free; ask whoever runs it to make room" in answer.json()["detail"]
        assert service.get("/readyz").status_code == 507
        (disk / "filler").unlink()
        assert service.ask(sample).status_code == 200


def test_a_disk_that_fills_up_meanwhile_loses_no_job(demo_index: Path, tmp_path: Path, sample: bytes) -> None:
    with a_disk(tmp_path / "disk", "260m") as disk, running(demo_index, disk / "data") as service:
        with service.client() as client:
            asked = "/v1/queries?genome_per=record"
            jobs = [client.post(asked, content=sample * 20).json()["id"] for _ in range(10)]
        with pytest.raises(OSError, match="No space left"):
            fill(disk / "filler")
        end = time.monotonic() + 60
        while b"database or disk is full" not in service.log.read_bytes():
            assert time.monotonic() < end
            time.sleep(0.2)
        (disk / "filler").unlink()
        for job in jobs:
            found = service.get(f"/v1/queries/{job}?wait=true").json()
            assert (found["state"], len(found["result"])) == ("done", 40)


def test_many_answers_come_as_they_are_read(service: Running, sample: bytes, demo_index: Path) -> None:
    body = b"".join(b">r%d\n%s\n" % (number, b"ACGT" * 5) for number in range(1_203))
    job = service.ask(body, genome_per="record", name="short.fa").json()
    assert [call["query"] for call in job["result"]] == [f"r{number}" for number in range(1_203)]
    texts = {
        kind: service.get(f"{job['links']['calls']}?format={kind}").text for kind in ("json", "jsonl", "tsv")
    }
    assert json.loads(texts["json"]) == job["result"]
    assert [json.loads(line) for line in texts["jsonl"].splitlines()] == job["result"]
    assert len(texts["tsv"].splitlines()) == 1_204


def test_an_index_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gindex_cli", "serve", "--index", str(tmp_path / "none"), "--port", "0"]
    done = subprocess.run(
        [*command, "--data", str(tmp_path / "d")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no index at" in done.stderr


def test_a_port_that_is_taken_is_a_sentence(service: Running, demo_index: Path, tmp_path: Path) -> None:
    port = service.url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "gindex_cli", "serve", "--index", str(demo_index), "--port", port]
    done = subprocess.run(
        [*command, "--data", str(tmp_path / "d")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"cannot listen at 127.0.0.1 port {port} (Address already in use)" in done.stderr
