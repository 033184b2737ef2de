"""`gindex serve` as a process: start, restart, kill, dead workers, full disks, changes of the index."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

import pytest
from helpers.fasta import Gindex

httpx = pytest.importorskip("httpx", reason="the extra serve is not installed")
psutil = pytest.importorskip("psutil", reason="psutil is not installed")

from helpers.running_service import Running, make_key, running, start, wait_until

from genome_index.service.jobs.queue import Jobs
from genome_index.service.settings import Limits


@pytest.fixture(scope="module")
def sample(demo: Path) -> bytes:
    return (demo / "sample.fasta").read_bytes()


# -- what stops a start


def refused(gindex: Gindex, *options: object) -> str:
    """The sentence of `gindex serve` that does not start."""
    result = gindex("serve", *options)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    return result.stderr


def test_a_folder_has_one_service(service: Running, demo_index: Path, gindex: Gindex) -> None:
    sentence = refused(gindex, "--index", demo_index, "--port", 0, "--data", service.data)
    assert "another gindex" in sentence


def test_other_hosts_require_a_key(demo_index: Path, tmp_path: Path, gindex: Gindex) -> None:
    sentence = refused(gindex, "--index", demo_index, "--host", "0.0.0.0", "--port", 0, "--data", tmp_path)
    assert sentence == (
        "gindex: --host 0.0.0.0 admits other machines and requires an API key, and "
        f"{tmp_path} has none; make one with `gindex key add NAME --data {tmp_path}`\n"
    )


def test_a_missing_index_is_a_sentence(tmp_path: Path, gindex: Gindex) -> None:
    sentence = refused(gindex, "--index", tmp_path / "none", "--port", 0, "--data", tmp_path / "data")
    assert f"no index at {tmp_path / 'none'}" in sentence


def test_a_port_in_use_is_a_sentence(
    service: Running, demo_index: Path, tmp_path: Path, gindex: Gindex
) -> None:
    port = service.url.rsplit(":", 1)[1]
    sentence = refused(gindex, "--index", demo_index, "--port", port, "--data", tmp_path / "data")
    assert f"cannot listen at 127.0.0.1 port {port} (Address already in use)" in sentence


# -- restart and kill


def integrity(data: Path) -> str:
    with closing(sqlite3.connect(data / "service.sqlite")) as database:
        return str(database.execute("PRAGMA integrity_check").fetchone()[0])


@pytest.mark.long
def test_jobs_survive_an_orderly_restart(demo_index: Path, tmp_path: Path, sample: bytes) -> None:
    with running(demo_index, tmp_path / "data") as service:
        done = service.query(sample)
        waiting = [service.post("/v1/queries", content=sample).json()["id"] for _ in range(20)]
    with running(demo_index, tmp_path / "data") as service:
        assert service.get(f"/v1/queries/{done['id']}").json() == done
        for job in waiting:
            assert service.finished(job)["state"] == "done"


@pytest.mark.long
@pytest.mark.parametrize("kills", [1, 3])
def test_kill_9_under_load_loses_no_accepted_job(
    demo_index: Path, tmp_path: Path, sample: bytes, kills: int
) -> None:
    accepted: list[str] = []
    for kill in range(1, kills + 1):
        killed_while_accepting(demo_index, tmp_path / "data", sample, accepted, 20 * kill)
    with running(demo_index, tmp_path / "data") as service:
        for job in accepted:
            document = service.finished(job)
            assert (document["state"], document["result"][0]["name"]) == ("done", "Demobacter simulatus")
    assert integrity(tmp_path / "data") == "ok"


def killed_while_accepting(index: Path, data: Path, sample: bytes, accepted: list[str], number: int) -> None:
    """Kill a service while four callers send; it has accepted `number` jobs in all by then."""
    service = start(index, data)

    def send() -> None:
        try:
            with service.client() as client:
                while True:
                    response = client.post("/v1/queries", content=sample)
                    assert response.status_code == 202
                    accepted.append(response.json()["id"])
        except httpx.TransportError:
            return  # killed

    with ThreadPoolExecutor(4) as pool:
        callers = [pool.submit(send) for _ in range(4)]
        try:
            wait_until(lambda: len(accepted) >= number, f"{number} jobs are accepted", 0.005)
        finally:
            service.kill()
        for caller in callers:
            caller.result()


@pytest.mark.long
def test_killed_workers_are_replaced(service: Running, sample: bytes) -> None:
    deaths = worker_deaths(service)
    jobs = [service.post("/v1/queries", content=sample).json()["id"] for _ in range(30)]
    children = psutil.Process(service.process.pid).children(recursive=True)
    killed = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    assert killed
    for child in killed:
        child.kill()
    for job in jobs:
        assert service.finished(job)["state"] == "done"
    assert worker_deaths(service) > deaths
    wait_until(lambda: service.get("/readyz").status_code == 200, "a worker is ready again")


def worker_deaths(service: Running) -> float:
    lines = service.get("/metrics").text.splitlines()
    return float(next(line.split()[-1] for line in lines if line.startswith("gindex_worker_deaths")))


def test_answers_of_an_earlier_service_are_served_in_the_current_version(
    service: Running, sample: bytes
) -> None:
    """A service before version 2 of the JSON stored `shared_words`."""
    job = service.query(sample)
    [current] = job["result"]
    old = {**current, "version": 1}
    for name in ("closest", "runner_up"):
        old[name] = older_hit(current[name])
    old["hits"] = [older_hit(hit) for hit in current["hits"]]
    with closing(sqlite3.connect(service.data / "service.sqlite", timeout=60)) as database, database:
        database.execute("UPDATE answers SET call = ? WHERE job = ?", (json.dumps(old), job["id"]))
    assert service.get(job["links"]["self"]).json() == job
    assert json.loads(service.get(f"{job['links']['calls']}?format=jsonl").text) == current
    assert service.get(job["links"]["page"]).status_code == 200
    assert service.get(job["links"]["report"]).status_code == 200
    with closing(Jobs(service.data, Limits())) as jobs:
        assert list(map(json.loads, jobs.answers(job["id"]))) == [current]


def older_hit(hit: dict) -> dict:
    return {"shared_words" if name == "kmer_identity" else name: value for name, value in hit.items()}


# -- changes of the index


@pytest.mark.long
def test_only_admins_change_the_index(changing_service, demo: Path) -> None:
    service, admin = changing_service.service, changing_service.admin
    user = {"X-API-Key": make_key(service.data, "me")}
    genome = demo / "genomes" / "DEMO_0030.fa.gz"
    count = service.get("/v1/index", headers=user).json()["genomes"]
    files = {"file": (genome.name, genome.read_bytes()), "taxonomy": (demo / "taxonomy.tsv").read_bytes()}
    for headers, status, kind in (({}, 401, "key"), (user, 403, "admin")):
        response = service.post("/v1/genomes", files=files, headers=headers)
        assert (response.status_code, response.json()["type"]) == (status, f"/problems/{kind}")
    with service.client(headers=admin) as boss:

        def finished(response: httpx.Response) -> dict:
            """The change when it is done and served."""
            change = response.json()
            while change["state"] not in ("done", "failed"):
                change = boss.get(f"/v1/changes/{change['id']}?wait=60").json()
            assert boss.get(f"/v1/changes/{change['id']}?wait=60").json() == change
            return change

        added = finished(boss.post("/v1/genomes", files=files))
        assert (added["state"], added["messages"][0]) == (
            "done", f"added 1 genome: the index holds {count + 1}",
        )  # fmt: skip
        assert boss.get("/v1/genomes/DEMO_0030").json()["species"]
        names = {"species": "Novus nomen", "host": "tick"}
        assert finished(boss.patch("/v1/genomes/DEMO_0030", json=names))["state"] == "done"
        record = boss.get("/v1/genomes/DEMO_0030").json()
        assert (record["species"], record["labels"]["host"]) == ("Novus nomen", "tick")
        removed = finished(boss.delete("/v1/genomes/DEMO_0030"))
        assert removed["messages"] == [f"removed 1 genome: the index holds {count}"]
        assert boss.get("/v1/genomes/DEMO_0030").status_code == 404
        assert finished(boss.post("/v1/index/undo"))["state"] == "done"
        assert boss.get("/v1/genomes/DEMO_0030").json()["species"] == "Novus nomen"


@pytest.mark.long
def test_a_new_snapshot_is_served_without_a_failed_request(
    changing_service, demo: Path, gindex: Gindex
) -> None:
    service, index = changing_service.service, changing_service.index
    genome = (demo / "genomes" / "DEMO_0029.fa.gz").read_bytes()
    headers = changing_service.admin
    served = service.get("/v1/index", headers=headers).json()
    snapshots: list[int] = []
    added = Event()

    def query_until_served() -> None:
        """Queries, until one is answered by a snapshot with the new genome."""
        while not (added.is_set() and snapshots and snapshots[-1] > served["snapshot"]):
            job = service.query(genome, headers)
            assert job["state"] == "done"
            snapshots.append(job["result"][0]["provenance"]["snapshot"])

    with ThreadPoolExecutor(3) as pool:
        callers = [pool.submit(query_until_served) for _ in range(3)]
        wait_until(lambda: snapshots, "the first query is answered")
        path = demo / "genomes" / "DEMO_0029.fa.gz"
        result = gindex("add", path, "--index", index, "--taxonomy", demo / "taxonomy.tsv")
        added.set()
        assert result.exit_code == 0
        for caller in callers:
            caller.result()
    assert snapshots[0] == served["snapshot"]
    assert service.query(genome, headers)["result"][0]["closest"]["id"] == "DEMO_0029"
    wait_until(
        lambda: service.get("/v1/index", headers=headers).json()["genomes"] == served["genomes"] + 1,
        "the service shows the new snapshot",
    )


@pytest.mark.long
def test_an_index_of_a_language_model_is_served(
    six_genomes: list[Path], demo: Path, model: str, tmp_path: Path, sample: bytes, gindex: Gindex,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    pytest.importorskip("torch", reason="the extra neural is not installed")
    index = tmp_path / "neural"
    assert gindex("build", *six_genomes, "--encoder", model, "--index", index).exit_code == 0
    monkeypatch.chdir(demo)
    printed = gindex("query", "sample.fasta", "--index", index, "--format", "json").stdout
    with running(index, tmp_path / "data") as service:
        assert service.get("/v1/index").json()["reading"]["layer"] == "last"
        first, second = (service.query(sample, name="sample.fasta")["result"] for _ in range(2))
    assert first == second == json.loads(printed)


# -- full disks


@contextmanager
def file_system(path: Path, size: str) -> Iterator[Path]:
    """A small file system, which can be filled."""
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


@pytest.mark.long
def test_full_disks_refuse_uploads_and_lose_no_job(demo_index: Path, tmp_path: Path, sample: bytes) -> None:
    with file_system(tmp_path / "disk", "260m") as disk, running(demo_index, disk / "data") as service:
        assert service.query(sample)["state"] == "done"
        (disk / "filler").write_bytes(b"\0" * 80_000_000)
        response = service.post("/v1/queries", content=sample)
        assert (response.status_code, response.json()["type"]) == (507, "/problems/disk")
        assert "MB free, 200 MB are required; ask the operator" in response.json()["detail"]
        assert service.get("/readyz").status_code == 507
        (disk / "filler").unlink()
        assert service.query(sample)["state"] == "done"

        with service.client() as client:
            path = "/v1/queries?genome_per=record"
            jobs = [client.post(path, content=sample * 20).json()["id"] for _ in range(10)]
        with pytest.raises(OSError, match="No space left"):
            fill(disk / "filler")
        wait_until(
            lambda: b"database or disk is full" in service.log.read_bytes(), "the service finds a full disk"
        )
        (disk / "filler").unlink()
        for job in jobs:
            document = service.finished(job)
            assert (document["state"], len(document["result"])) == ("done", 40)
