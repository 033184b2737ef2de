"""The Python client: against a server that answers what it is told to, and against a real service."""

import gzip
import io
import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from helpers.running_service import running, start

from genome_index.errors import GindexError, InputError, UsageError
from genome_index.service.api_keys import add_key
from genome_index.service.client.client import PAGE, Client, ServiceError
from genome_index.service.jobs.backup import Backup, backup
from genome_index.service.jobs.database import FILE, connect
from genome_index.service.problems import MEDIA_TYPE, Problem

FASTA = b">one\nACGTACGT\n"


# A server that answers what it is told to -------------------------------------------------------------------


@dataclass
class Asked:
    method: str
    path: str
    params: dict
    headers: dict
    body: bytes


@dataclass
class Script:
    """What is answered next, and what was asked; the last answer is given for good."""

    url: str
    answers: deque = field(default_factory=deque)
    asked: list = field(default_factory=list)

    def next(self):
        return self.answers.popleft() if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        script, address = self.server.script, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        params = {name: values[0] for name, values in parse_qs(address.query).items()}
        script.asked.append(Asked(self.command, address.path, params, dict(self.headers), body))
        status, headers, body = script.next()
        if status is None:  # no answer at all
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = headers.get("Connection") == "close"

    do_GET = do_POST = do_DELETE = answer  # noqa: N815  # http.server's names

    def log_message(self, *args):
        pass


@pytest.fixture
def script():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.script = Script(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.script
        server.shutdown()
        thread.join()


@pytest.fixture
def pauses(monkeypatch):
    """How long was waited before each further try; nobody waits for it."""
    found = []
    monkeypatch.setattr("genome_index.io.retries.time", SimpleNamespace(sleep=found.append))
    return found


@pytest.fixture
def client(script):
    with Client(script.url) as opened:
        yield opened


def said(document, status=200, **headers):
    return status, {"Content-Type": "application/json", **headers}, json.dumps(document).encode()


def problem(status, slug="busy", detail="a sentence; do this", **headers):
    document = Problem(status, slug, "A title", detail).document("/v1/x")
    return said(document, status, **{"Content-Type": MEDIA_TYPE, **headers})


HANG_UP = (None, {}, b"")
HALF = (200, {"Content-Length": "5000", "Connection": "close"}, b'{"half": ')


def job(state="queued", **values):
    progress = {"answered": int(state == "done"), "inputs": 1}
    result = [{"verdict": "novel"}] if state == "done" else None
    links = {"page": "/queries/abc"}
    known = {"id": "abc", "state": state, "position": None, "progress": progress, "name": "a.fa", "notes": []}
    return said({**known, "problem": None, "result": result, "links": links, **values})


# What is sent -----------------------------------------------------------------------------------------------


def test_a_query_is_sent_with_its_settings_and_known_by_a_key(script, client, tmp_path):
    path = tmp_path / "my sample.fa"
    path.write_bytes(FASTA)
    script.answers.append(job("done"))
    assert client.query(path, k=7, genome_per="record", exclude_identical=True) == [{"verdict": "novel"}]
    client.query(str(path), name="another.fa")
    client.query(FASTA)
    client.query(io.BytesIO(FASTA))
    with path.open("rb") as file:
        client.query(file)
    assert [asked.body for asked in script.asked] == [FASTA] * 5
    assert [asked.params.get("name") for asked in script.asked] == [
        "my sample.fa", "another.fa", None, None, "my sample.fa",
    ]  # fmt: skip
    first = script.asked[0]
    assert (first.method, first.path) == ("POST", "/v1/queries")
    expected = {"k": "7", "genome_per": "record", "exclude_identical": "true", "wait": "true"}
    assert expected.items() <= first.params.items()
    assert len({asked.headers["Idempotency-Key"] for asked in script.asked}) == 5


def test_a_job_is_submitted_and_waited_for(script, client):
    heard = []
    script.answers += [job(position=3), job(position=1), job("running"), job("done")]
    accepted = client.submit(FASTA, pictures=True, keep=True)
    assert (accepted.state, accepted.position, accepted.page) == ("queued", 3, f"{script.url}/queries/abc")
    assert {"pictures": "true", "keep": "true", "wait": "false"}.items() <= script.asked[0].params.items()
    done = client.wait(accepted, progress=heard.append)
    assert done.result == [{"verdict": "novel"}]
    assert [each.state for each in heard] == ["queued", "queued", "running", "done"]
    assert [asked.path for asked in script.asked[1:]] == ["/v1/queries/abc"] * 3
    assert {asked.params["wait"] for asked in script.asked[1:]} == {"true"}


def test_the_key_goes_with_everything(script):
    script.answers.append(said({"genomes": 60}))
    for given, sent in (("gx_a", "Bearer gx_a"), ("gx_a\n", "Bearer gx_a"), (None, None)):
        with Client(script.url + "/", given) as client:
            client.index()
        assert script.asked[-1].headers.get("Authorization") == sent
        assert "gx_a" not in repr(client) + repr(vars(client))


def test_names_are_whole_whatever_is_in_them(script, client):
    script.answers.append(said({}))
    for name in ("Homo sapiens", "a/b?c#d", "100 %", "é", "GCF_1.1"):
        client.species(name)
        client.genome(name)
    raw = {asked.path for asked in script.asked}
    assert "/v1/species/a%2Fb%3Fc%23d" in raw
    assert "/v1/genomes/100%20%25" in raw
    assert "/v1/species/%C3%A9" in raw


def test_lists_come_a_page_at_a_time_to_their_end(script, client):
    total = 2 * PAGE + 1
    for first in range(0, total, PAGE):
        items = [{"id": number} for number in range(first, min(total, first + PAGE))]
        script.answers.append(said({"total": total, "offset": first, "items": items}))
    assert [each["id"] for each in client.genomes("sap", "genus", "Homo")] == list(range(total))
    assert [asked.params["offset"] for asked in script.asked] == ["0", str(PAGE), str(2 * PAGE)]
    assert {"search": "sap", "rank": "genus", "name": "Homo"}.items() <= script.asked[-1].params.items()
    script.answers.append(said({"total": 0, "offset": 0, "items": []}))
    script.answers.popleft()
    assert list(client.species_list()) == []


def test_bytes_come_as_they_are(script, client):
    script.answers.append((200, {"Content-Type": "text/tab-separated-values"}, b"\xffquery\t\r\n"))
    assert client.calls("abc", "tsv") == client.report("abc") == b"\xffquery\t\r\n"
    assert [asked.path for asked in script.asked] == ["/v1/queries/abc/calls", "/v1/queries/abc/report"]
    assert script.asked[0].params == {"format": "tsv"}


# What goes wrong --------------------------------------------------------------------------------------------


def test_a_problem_is_an_error_in_its_words(script, client):
    script.answers.append(problem(413, "too-large", "200.0 MB were sent, and 100 MB are taken; compress it"))
    with pytest.raises(ServiceError, match="200.0 MB were sent, and 100 MB are taken; compress it") as caught:
        client.query(FASTA)
    error = caught.value
    assert isinstance(error, GindexError)
    assert (error.status, error.kind, error.title, error.again_s) == (413, "too-large", "A title", None)
    assert str(error) == error.detail
    assert len(script.asked) == 1


def test_what_is_refused_for_now_is_asked_again_as_late_as_was_said(script, client, pauses):
    script.answers += [problem(429, **{"Retry-After": "7"}), problem(503), problem(502), job("done")]
    assert client.query(FASTA) == [{"verdict": "novel"}]
    assert pauses[0] == 7
    assert 0 < pauses[1] <= 10
    assert 0 < pauses[2] <= 10
    assert len({asked.headers["Idempotency-Key"] for asked in script.asked}) == 1
    assert [asked.body for asked in script.asked] == [FASTA] * 4


def test_patience_has_an_end(script, client, pauses):
    script.answers.append(problem(503, detail="2,000 queries wait; ask again"))
    with pytest.raises(ServiceError, match="2,000 queries wait") as caught:
        client.index()
    assert 40 < sum(pauses) <= 60
    assert caught.value.tries == len(script.asked) == len(pauses) + 1
    assert pauses[0] <= 0.5
    assert max(pauses) <= 10


@pytest.mark.parametrize(("patience", "asks_for"), [(60, "3600"), (0, "0"), (0, "1")])
def test_who_asks_for_more_time_than_there_is_is_not_waited_for(script, pauses, patience, asks_for):
    script.answers.append(problem(429, **{"Retry-After": asks_for}))
    with Client(script.url, patience=patience) as client, pytest.raises(ServiceError) as caught:
        client.index()
    assert (caught.value.again_s, caught.value.tries, pauses) == (float(asks_for), 1, [])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500, 507])
def test_what_does_not_go_away_is_not_asked_again(script, client, pauses, status):
    script.answers.append(problem(status))
    with pytest.raises(ServiceError) as caught:
        client.index()
    assert (caught.value.status, len(script.asked)) == (status, 1)


@pytest.mark.parametrize("broken", [HANG_UP, HALF], ids=["no answer", "half an answer"])
def test_an_answer_that_broke_off_is_asked_for_again(script, client, pauses, tmp_path, broken):
    path = tmp_path / "a.fa"
    path.write_bytes(FASTA * 20_000)
    script.answers += [broken, broken, job("done")]
    client.query(path)
    assert [asked.body for asked in script.asked] == [FASTA * 20_000] * 3  # each from its beginning
    assert len({asked.headers["Idempotency-Key"] for asked in script.asked}) == 1


def test_a_connection_that_always_breaks_is_said(script, client, pauses):
    script.answers.append(HANG_UP)
    with pytest.raises(
        ServiceError, match=r"the connection to http://127.* broke before the answer"
    ) as caught:
        client.index()
    assert caught.value.status == 0
    assert caught.value.tries > 3


def test_silence_has_an_end(pauses):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Client(url, timeout=0.05, patience=0) as client, pytest.raises(ServiceError, match="timed out"):
            client.index()


def test_nobody_there_is_one_sentence(pauses):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with Client(url) as client, pytest.raises(ServiceError) as caught:
        client.query(FASTA)
    assert str(caught.value).startswith(f"no service answers at {url} (")
    assert "start it with `gindex serve`" in str(caught.value)
    assert pauses == []


def test_a_service_that_restarts_is_waited_for(script, client, pauses, monkeypatch):
    script.answers.append(said({"genomes": 60}))
    client.index()
    client._service.url = "http://127.0.0.1:9"  # discard: nobody listens there
    with pytest.raises(ServiceError, match="no service answers") as caught:
        client.index()
    assert caught.value.tries > 3


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((200, {"Content-Type": "text/html"}, b"<html>log in</html>"), "is this the url of `gindex serve`"),
        (said(["a list"]), "is this the url of `gindex serve`"),
        (said({"hello": "I am another service"}), "is this the url of `gindex serve`"),
        ((404, {"Content-Type": "text/html"}, b"<html>nothing</html>"), "answered 404 Not Found"),
        ((308, {"Location": "https://there/v1"}, b""), "it redirects to https://there/v1: give that url"),
        ((500, {"Content-Type": MEDIA_TYPE}, b"{broken"), "answered 500 Internal Server Error"),
        ((500, {"Content-Type": MEDIA_TYPE}, b"[]"), "answered 500 Internal Server Error"),
    ],
)
def test_what_is_no_service_is_said(script, client, answer, says):
    script.answers.append(answer)
    with pytest.raises(ServiceError) as caught:
        client.query(FASTA)
    assert says in str(caught.value)
    assert caught.value.kind == "foreign"


def test_a_query_that_failed_raises_its_reason(script, client):
    script.answers += [
        job("running"),
        job("failed", problem="this took longer than 600 s; send fewer genomes"),
    ]
    with pytest.raises(ServiceError, match="this took longer than 600 s; send fewer genomes") as caught:
        client.query(FASTA)
    assert (caught.value.status, caught.value.kind) == (0, "failed")


def test_who_does_not_wait_for_ever_is_told_how_to_go_on(script, client):
    script.answers.append(job("running"))
    with pytest.raises(
        ServiceError, match=r"query abc is running after 0.3 s.*wait\('abc'\) again"
    ) as caught:
        client.query(FASTA, timeout=0.3)
    assert caught.value.kind == "late"
    assert 2 <= len(script.asked) <= 5
    assert all(float(asked.params["timeout"]) <= 0.3 for asked in script.asked)


def test_a_deletion_whose_answer_was_lost_is_a_deletion(script, client, pauses):
    script.answers += [HANG_UP, problem(404, "not-found")]
    client.cancel("abc")
    assert [asked.method for asked in script.asked] == ["DELETE", "DELETE"]
    with pytest.raises(ServiceError):  # but one that was never there is told
        client.cancel("abc")


def test_what_cannot_be_sent_is_said_before_anything_is(script, client, tmp_path):
    with pytest.raises(InputError, match=r"nothing.fa: cannot be read \(No such file or directory\)"):
        client.query(tmp_path / "nothing.fa")
    with pytest.raises(InputError, match="cannot be read"):
        client.query(tmp_path)
    with pytest.raises(UsageError, match="give sequence as bytes"):
        client.query(FASTA.decode())
    with pytest.raises(UsageError, match="open it as bytes"):
        client.query(io.StringIO(FASTA.decode()))
    assert script.asked == []


@pytest.mark.parametrize("url", ["127.0.0.1:8765", "ftp://there", "http://", "", "http://[::1", "http://a:b"])
def test_an_address_that_is_none_is_said(url):
    with pytest.raises(UsageError, match="the url of a service cannot be"):
        Client(url)


@pytest.mark.parametrize("key", ["gx_ä", "gx_\n\nX-Other: 1"])
def test_a_key_that_is_none_is_said_and_not_shown(key):
    with pytest.raises(UsageError, match="characters that no key has") as caught:
        Client(key=key)
    assert key not in str(caught.value)


def test_nothing_heavy_is_imported():
    code = (
        "import sys, genome_index.service.client.client as client; client.Client().close();"
        "heavy = {'fastapi', 'starlette', 'faiss', 'torch', 'numpy', 'duckdb', 'Bio'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# A real service ---------------------------------------------------------------------------------------------


@pytest.fixture
def real(service):
    with Client(service.url) as opened:
        yield opened


def test_the_calls_are_those_of_the_command_line(real, demo, demo_index):
    path = demo / "sample.fasta"
    command = [sys.executable, "-m", "gindex_cli", "query", str(path), "--index", str(demo_index)]
    done = subprocess.run(
        [*command, "--genome-per", "file", "--format", "json"], capture_output=True, check=True
    )
    expected = json.loads(done.stdout)
    for source in (path, path.read_bytes(), gzip.compress(path.read_bytes()), io.BytesIO(path.read_bytes())):
        [call] = real.query(source, name="sample.fasta")
        assert (call["name"], call["verdict"]) == ("Demobacter simulatus", "species")
        for field_ in expected[0].keys() - {"source", "provenance"}:
            assert call[field_] == expected[0][field_], field_


def test_a_job_and_its_answers_in_every_form(real, demo):
    heard = []
    accepted = real.submit(demo / "sample.fasta", k=3, pictures=True)
    done = real.wait(accepted.id, progress=heard.append)
    assert (done.state, done.answered, done.inputs, done.name) == ("done", 1, 1, "sample.fasta")
    assert heard[-1] == done
    assert real.job(done.id).result == done.result
    assert json.loads(real.calls(done.id)) == done.result
    assert len(done.result[0]["hits"]) == 3
    header, row = real.calls(done.id, "tsv").decode().splitlines()
    assert dict(zip(header.split("\t"), row.split("\t"), strict=True))["name"] == "Demobacter simulatus"
    assert real.report(done.id).startswith(b"<!")
    real.cancel(done.id)
    with pytest.raises(ServiceError) as caught:
        real.job(done.id)
    assert caught.value.status == 404


def test_what_the_index_holds(real):
    genomes = list(real.genomes())
    assert [each["id"] for each in genomes] == [f"DEMO_{number:04}" for number in range(1, 61)]
    some = list(real.genomes(rank="species", name="Demobacter simulatus"))
    assert 0 < len(some) < 60
    assert real.genome("DEMO_0004")["id"] == "DEMO_0004"
    names = [each["name"] for each in real.species_list()]
    assert "Demobacter simulatus" in names
    species = real.species("Demobacter simulatus")
    assert {each["id"] for each in species["members"]} == {each["id"] for each in some}
    assert real.index()
    assert real.map()
    with pytest.raises(ServiceError, match="Demobacter simulatas") as caught:
        real.species("Demobacter simulatas")
    assert caught.value.status == 404


def test_what_is_no_sequence_is_refused_in_words(real):
    with pytest.raises(ServiceError) as caught:
        real.query(b"this is a letter, and no sequence", name="letter.txt")
    assert (caught.value.status, caught.value.kind) == (422, "input")
    assert "letter.txt" in str(caught.value)


class Losing(httpx.HTTPTransport):
    """A way to the service on which the first answers get lost, after what was asked has arrived."""

    def __init__(self, number):
        super().__init__()
        self.left = number

    def handle_request(self, request):
        answer = super().handle_request(request)
        if self.left:
            self.left -= 1
            answer.read()
            raise httpx.ReadError("lost")
        return answer


def test_a_query_whose_answer_is_lost_is_one_query(service, real, demo, pauses):
    with closing(httpx.Client(transport=Losing(2))) as lossy:
        real._service._http.close()
        real._service._http = lossy
        before = in_database(service.data, "SELECT count(*) FROM jobs")
        [call] = real.query(demo / "sample.fasta")
    assert call["name"] == "Demobacter simulatus"
    assert in_database(service.data, "SELECT count(*) FROM jobs") - before == 1
    assert len(pauses) == 2


def in_database(data, question):
    with closing(sqlite3.connect(data / FILE)) as database:
        return database.execute(question).fetchone()[0]


def all_records(demo):
    """The demo's genomes as one file: seconds of work, alone in their batch."""
    return b"".join(gzip.decompress(path.read_bytes()) for path in sorted((demo / "genomes").iterdir()))


def test_who_waits_does_not_see_that_the_service_was_killed(demo, demo_index, tmp_path):
    killed = start(demo_index, tmp_path / "service", "--workers", "1")
    port = str(urlsplit(killed.url).port)
    with Client(killed.url) as client, ThreadPoolExecutor(1) as pool:
        records = b"".join(
            gzip.decompress(path.read_bytes()) for path in sorted((demo / "genomes").iterdir())
        )
        accepted = client.submit(records, genome_per="record")
        waiting = pool.submit(client.wait, accepted, 120)
        while not client.job(accepted.id).answered:
            time.sleep(0.02)
        killed.kill()
        assert in_database(tmp_path / "service", "SELECT state FROM jobs") == "running"
        with running(demo_index, tmp_path / "service", "--workers", "1", "--port", port):
            done = waiting.result(120)
    assert done.state == "done"
    assert len(done.result) == done.inputs >= 60


def test_a_service_with_keys(demo_index, tmp_path):
    with closing(connect(tmp_path / "service")) as connection:
        key = add_key(connection, "anna")
    with running(demo_index, tmp_path / "service", "--workers", "1", "--keys") as service:
        with Client(service.url, key) as client:
            assert client.index()
        for wrong in (None, key[:-1]):
            with Client(service.url, wrong) as client, pytest.raises(ServiceError, match="key") as caught:
                client.index()
            assert caught.value.status == 401


def test_a_backup_of_a_running_service_goes_on_elsewhere(demo, demo_index, tmp_path):
    """What was accepted before the copy is answered by a service that is started on the copy."""
    first = start(demo_index, tmp_path / "service", "--workers", "1")
    with Client(first.url) as client:
        many = client.submit(all_records(demo), genome_per="record")
        accepted = [client.submit(demo / f"{name}.fasta") for name in ("sample", "novel", "stranger")]
        done = backup(tmp_path / "service", tmp_path / "copy")
        first.kill()
    assert done == Backup(4, 4)
    with running(demo_index, tmp_path / "copy", "--workers", "1") as second, Client(second.url) as client:
        assert len(client.wait(many.id, 120).result) == many.inputs
        verdicts = [client.wait(each.id, 120).result[0]["verdict"] for each in accepted]
    assert verdicts == ["species", "genus", "novel"]
