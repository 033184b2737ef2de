"""Python client: against a server with scripted responses, and against a real service."""

import gzip
import io
import json
import socket
import sqlite3
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from helpers.running_service import DEADLINE_S, make_key, running, start, wait_until

from genome_index.errors import GindexError, InputError, UsageError
from genome_index.service.client.client import PAGE, Client, ServiceError
from genome_index.service.jobs.backup import Backup, backup
from genome_index.service.jobs.database import FILE
from genome_index.service.problems import MEDIA_TYPE, Problem

FASTA = b">one\nACGTACGT\n"


# A server with scripted responses ---------------------------------------------------------------------------


@dataclass
class SentRequest:
    method: str
    path: str
    params: dict
    headers: dict
    body: bytes


@dataclass
class Script:
    """The next responses, of which the last is repeated, and the requests so far."""

    url: str
    answers: deque = field(default_factory=deque)
    requests: list = field(default_factory=list)

    def next(self):
        return self.answers.popleft() if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        script, address = self.server.script, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        params = {name: values[0] for name, values in parse_qs(address.query).items()}
        script.requests.append(SentRequest(self.command, address.path, params, dict(self.headers), body))
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
    """The pauses before further tries, in seconds; they are recorded and skipped."""
    found = []
    monkeypatch.setattr("genome_index.io.retries.time", SimpleNamespace(sleep=found.append))
    return found


@pytest.fixture
def client(script):
    with Client(script.url) as opened:
        yield opened


def answer_of(document, status=200, **headers):
    return status, {"Content-Type": "application/json", **headers}, json.dumps(document).encode()


def problem(status, slug="busy", detail="a sentence; do this", **headers):
    document = Problem(status, slug, "A title", detail).document("/v1/x")
    return answer_of(document, status, **{"Content-Type": MEDIA_TYPE, **headers})


HANG_UP = (None, {}, b"")
HALF = (200, {"Content-Length": "5000", "Connection": "close"}, b'{"half": ')


def job(state="queued", **values):
    progress = {"answered": int(state == "done"), "inputs": 1}
    result = [{"verdict": "novel"}] if state == "done" else None
    links = {"page": "/queries/abc"}
    known = {"id": "abc", "state": state, "position": None, "progress": progress, "name": "a.fa", "notes": []}
    return answer_of({**known, "problem": None, "result": result, "links": links, **values})


# What is sent -----------------------------------------------------------------------------------------------


def test_a_query_is_sent_with_settings_and_idempotency_key(script, client, tmp_path):
    path = tmp_path / "my sample.fa"
    path.write_bytes(FASTA)
    script.answers.append(job("done"))
    assert client.query(path, k=7, genome_per="record", exclude_identical=True) == [{"verdict": "novel"}]
    client.query(str(path), name="another.fa")
    client.query(FASTA)
    client.query(io.BytesIO(FASTA))
    with path.open("rb") as file:
        client.query(file)
    assert [request.body for request in script.requests] == [FASTA] * 5
    assert [request.params.get("name") for request in script.requests] == [
        "my sample.fa", "another.fa", None, None, "my sample.fa",
    ]  # fmt: skip
    first = script.requests[0]
    assert (first.method, first.path) == ("POST", "/v1/queries")
    expected = {"k": "7", "genome_per": "record", "exclude_identical": "true", "wait": "true"}
    assert expected.items() <= first.params.items()
    assert len({request.headers["Idempotency-Key"] for request in script.requests}) == 5


def test_submit_and_wait(script, client):
    states = []
    script.answers += [job(position=3), job(position=1), job("running"), job("done")]
    accepted = client.submit(FASTA, pictures=True, keep=True)
    assert (accepted.state, accepted.position, accepted.page) == ("queued", 3, f"{script.url}/queries/abc")
    assert {"pictures": "true", "keep": "true", "wait": "false"}.items() <= script.requests[0].params.items()
    done = client.wait(accepted, progress=states.append)
    assert done.result == [{"verdict": "novel"}]
    assert [each.state for each in states] == ["queued", "queued", "running", "done"]
    assert [request.path for request in script.requests[1:]] == ["/v1/queries/abc"] * 3
    assert {request.params["wait"] for request in script.requests[1:]} == {"true"}


def test_every_request_has_the_api_key(script):
    script.answers.append(answer_of({"genomes": 60}))
    for given, sent in (("gx_a", "Bearer gx_a"), ("gx_a\n", "Bearer gx_a"), (None, None)):
        with Client(script.url + "/", given) as client:
            client.index()
        assert script.requests[-1].headers.get("Authorization") == sent
        assert "gx_a" not in repr(client) + repr(vars(client))


def test_names_in_paths_are_quoted(script, client):
    script.answers.append(answer_of({}))
    for name in ("Homo sapiens", "a/b?c#d", "100 %", "é", "GCF_1.1"):
        client.species(name)
        client.genome(name)
    raw = {request.path for request in script.requests}
    assert "/v1/species/a%2Fb%3Fc%23d" in raw
    assert "/v1/genomes/100%20%25" in raw
    assert "/v1/species/%C3%A9" in raw


def test_lists_are_requested_page_by_page(script, client):
    total = 2 * PAGE + 1
    for first in range(0, total, PAGE):
        items = [{"id": number} for number in range(first, min(total, first + PAGE))]
        script.answers.append(answer_of({"total": total, "offset": first, "items": items}))
    assert [each["id"] for each in client.genomes("sap", "genus", "Homo")] == list(range(total))
    assert [request.params["offset"] for request in script.requests] == ["0", str(PAGE), str(2 * PAGE)]
    assert {"search": "sap", "rank": "genus", "name": "Homo"}.items() <= script.requests[-1].params.items()
    script.answers.append(answer_of({"total": 0, "offset": 0, "items": []}))
    script.answers.popleft()
    assert list(client.species_list()) == []


def test_calls_and_reports_are_returned_as_bytes(script, client):
    script.answers.append((200, {"Content-Type": "text/tab-separated-values"}, b"\xffquery\t\r\n"))
    assert client.calls("abc", "tsv") == client.report("abc") == b"\xffquery\t\r\n"
    assert [request.path for request in script.requests] == [
        "/v1/queries/abc/calls",
        "/v1/queries/abc/report",
    ]
    assert script.requests[0].params == {"format": "tsv"}


# What goes wrong --------------------------------------------------------------------------------------------


def test_a_problem_document_becomes_an_error(script, client):
    script.answers.append(problem(413, "too-large", "200.0 MB were sent, and 100 MB are taken; compress it"))
    with pytest.raises(ServiceError, match="200.0 MB were sent, and 100 MB are taken; compress it") as caught:
        client.query(FASTA)
    error = caught.value
    assert isinstance(error, GindexError)
    assert (error.status, error.kind, error.title, error.again_s) == (413, "too-large", "A title", None)
    assert str(error) == error.detail
    assert len(script.requests) == 1


def test_a_temporary_refusal_is_retried_after_the_required_time(script, client, pauses):
    script.answers += [problem(429, **{"Retry-After": "7"}), problem(503), problem(502), job("done")]
    assert client.query(FASTA) == [{"verdict": "novel"}]
    assert pauses[0] == 7
    assert 0 < pauses[1] <= 10
    assert 0 < pauses[2] <= 10
    assert len({request.headers["Idempotency-Key"] for request in script.requests}) == 1
    assert [request.body for request in script.requests] == [FASTA] * 4


def test_retries_end_after_the_patience(script, client, pauses):
    script.answers.append(problem(503, detail="2,000 queries wait; ask again"))
    with pytest.raises(ServiceError, match="2,000 queries wait") as caught:
        client.index()
    assert 40 < sum(pauses) <= 60
    assert caught.value.tries == len(script.requests) == len(pauses) + 1
    assert pauses[0] <= 0.5
    assert max(pauses) <= 10


@pytest.mark.parametrize(("patience", "required"), [(60, "3600"), (0, "0"), (0, "1")])
def test_a_retry_time_beyond_the_patience_is_not_awaited(script, pauses, patience, required):
    script.answers.append(problem(429, **{"Retry-After": required}))
    with Client(script.url, patience=patience) as client, pytest.raises(ServiceError) as caught:
        client.index()
    assert (caught.value.again_s, caught.value.tries, pauses) == (float(required), 1, [])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500, 507])
def test_permanent_errors_are_not_retried(script, client, pauses, status):
    script.answers.append(problem(status))
    with pytest.raises(ServiceError) as caught:
        client.index()
    assert (caught.value.status, len(script.requests)) == (status, 1)


@pytest.mark.parametrize("broken", [HANG_UP, HALF], ids=["no answer", "half an answer"])
def test_an_interrupted_response_is_retried(script, client, pauses, tmp_path, broken):
    path = tmp_path / "a.fa"
    path.write_bytes(FASTA * 20_000)
    script.answers += [broken, broken, job("done")]
    client.query(path)
    assert [request.body for request in script.requests] == [FASTA * 20_000] * 3  # each from its beginning
    assert len({request.headers["Idempotency-Key"] for request in script.requests}) == 1


def test_a_connection_that_always_breaks_is_reported(script, client, pauses):
    script.answers.append(HANG_UP)
    with pytest.raises(
        ServiceError, match=r"the connection to http://127.* broke before the answer"
    ) as caught:
        client.index()
    assert caught.value.status == 0
    assert caught.value.tries > 3


def test_a_silent_service_times_out(pauses):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Client(url, timeout=0.05, patience=0) as client, pytest.raises(ServiceError, match="timed out"):
            client.index()


def test_a_missing_service_is_one_sentence(pauses):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with Client(url) as client, pytest.raises(ServiceError) as caught:
        client.query(FASTA)
    assert str(caught.value).startswith(f"no service answers at {url} (")
    assert "start it with `gindex serve`" in str(caught.value)
    assert pauses == []


def test_a_restarting_service_is_retried(script, client, pauses, monkeypatch):
    script.answers.append(answer_of({"genomes": 60}))
    client.index()
    client._service.url = "http://127.0.0.1:9"  # the port of discard, where nothing listens
    with pytest.raises(ServiceError, match="no service answers") as caught:
        client.index()
    assert caught.value.tries > 3


def test_a_service_that_goes_during_the_first_request_is_retried(pauses):
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def go_away():
            connection, _ = listener.accept()
            connection.close()
            listener.close()

        gone = pool.submit(go_away)
        with Client(url) as client, pytest.raises(ServiceError, match="no service answers") as caught:
            client.query(FASTA)
        gone.result()
    assert caught.value.tries > 3


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((200, {"Content-Type": "text/html"}, b"<html>log in</html>"), "is this the url of `gindex serve`"),
        (answer_of(["a list"]), "is this the url of `gindex serve`"),
        (answer_of({"hello": "I am another service"}), "is this the url of `gindex serve`"),
        ((404, {"Content-Type": "text/html"}, b"<html>nothing</html>"), "answered 404 Not Found"),
        ((308, {"Location": "https://there/v1"}, b""), "it redirects to https://there/v1: give that url"),
        ((500, {"Content-Type": MEDIA_TYPE}, b"{broken"), "answered 500 Internal Server Error"),
        ((500, {"Content-Type": MEDIA_TYPE}, b"[]"), "answered 500 Internal Server Error"),
    ],
)
def test_responses_of_other_services_are_reported(script, client, answer, sentence):
    script.answers.append(answer)
    with pytest.raises(ServiceError) as caught:
        client.query(FASTA)
    assert sentence in str(caught.value)
    assert caught.value.kind == "foreign"


def test_a_failed_query_raises_its_reason(script, client):
    script.answers += [
        job("running"),
        job("failed", problem="this took longer than 600 s; send fewer genomes"),
    ]
    with pytest.raises(ServiceError, match="this took longer than 600 s; send fewer genomes") as caught:
        client.query(FASTA)
    assert (caught.value.status, caught.value.kind) == (0, "failed")


def test_a_timeout_says_how_to_continue(script, client):
    script.answers.append(job("running"))
    with pytest.raises(
        ServiceError, match=r"query abc is running after 0.3 s.*wait\('abc'\) again"
    ) as caught:
        client.query(FASTA, timeout=0.3)
    assert caught.value.kind == "late"
    assert 2 <= len(script.requests) <= 5
    assert all(float(request.params["timeout"]) <= 0.3 for request in script.requests)


def test_a_deletion_with_a_lost_response_succeeds(script, client, pauses):
    script.answers += [HANG_UP, problem(404, "not-found")]
    client.cancel("abc")
    assert [request.method for request in script.requests] == ["DELETE", "DELETE"]
    with pytest.raises(ServiceError):  # but an unknown query is an error
        client.cancel("abc")


def test_unusable_sources_are_refused_before_a_request(script, client, tmp_path):
    with pytest.raises(InputError, match=r"nothing.fa: cannot be read \(No such file or directory\)"):
        client.query(tmp_path / "nothing.fa")
    with pytest.raises(InputError, match="cannot be read"):
        client.query(tmp_path)
    with pytest.raises(UsageError, match="give sequence as bytes"):
        client.query(FASTA.decode())
    with pytest.raises(UsageError, match="open it with mode 'rb'"):
        client.query(io.StringIO(FASTA.decode()))
    assert script.requests == []


@pytest.mark.parametrize("url", ["127.0.0.1:8765", "ftp://there", "http://", "", "http://[::1", "http://a:b"])
def test_an_invalid_url_is_refused(url):
    with pytest.raises(UsageError, match="the url of a service cannot be"):
        Client(url)


@pytest.mark.parametrize("key", ["gx_ä", "gx_\n\nX-Other: 1"])
def test_an_invalid_key_is_refused_and_not_shown(key):
    with pytest.raises(UsageError, match="characters that no key has") as caught:
        Client(key=key)
    assert key not in str(caught.value)


def test_the_client_imports_no_heavy_packages():
    code = (
        "import sys, genome_index; genome_index.Client().close();"
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


def test_calls_equal_those_of_gindex_query(real, demo, demo_index, gindex):
    path = demo / "sample.fasta"
    options = ["--index", demo_index, "--genome-per", "file", "--format", "json"]
    expected = json.loads(gindex("query", path, *options).stdout)
    for source in (path, path.read_bytes(), gzip.compress(path.read_bytes()), io.BytesIO(path.read_bytes())):
        [call] = real.query(source, name="sample.fasta")
        assert (call["name"], call["verdict"]) == ("Demobacter simulatus", "species")
        for field_ in expected[0].keys() - {"source", "provenance"}:
            assert call[field_] == expected[0][field_], field_


@pytest.mark.long
def test_a_job_and_its_answers_in_every_format(real, demo):
    states = []
    accepted = real.submit(demo / "sample.fasta", k=3, pictures=True)
    done = real.wait(accepted.id, progress=states.append)
    assert (done.state, done.answered, done.inputs, done.name) == ("done", 1, 1, "sample.fasta")
    assert states[-1] == done
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


def test_contents_of_the_index(real):
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


def test_a_file_without_sequence_is_refused(real):
    with pytest.raises(ServiceError) as caught:
        real.query(b"this is a letter and no sequence", name="letter.txt")
    assert (caught.value.status, caught.value.kind) == (422, "input")
    assert "letter.txt" in str(caught.value)


class Losing(httpx.HTTPTransport):
    """A transport that loses the first responses, after the requests have arrived."""

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


@pytest.mark.long
def test_a_query_with_lost_responses_is_one_query(service, real, demo, pauses):
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
    """The genomes of the demo as one file: seconds of work."""
    return b"".join(gzip.decompress(path.read_bytes()) for path in sorted((demo / "genomes").iterdir()))


@pytest.mark.long
def test_waiting_survives_a_killed_service(demo, demo_index, tmp_path):
    killed = start(demo_index, tmp_path / "service", "--workers", "1")
    port = str(urlsplit(killed.url).port)
    with Client(killed.url, patience=DEADLINE_S) as client, ThreadPoolExecutor(1) as pool:
        accepted = client.submit(all_records(demo) * 4, genome_per="record")
        waiting = pool.submit(client.wait, accepted, DEADLINE_S)
        wait_until(lambda: client.job(accepted.id).answered, "some genomes are answered", 0.02)
        killed.kill()
        assert in_database(tmp_path / "service", "SELECT state FROM jobs") == "running"
        with running(demo_index, tmp_path / "service", "--workers", "1", "--port", port):
            done = waiting.result(DEADLINE_S)
    assert done.state == "done"
    assert len(done.result) == done.inputs >= 60


def test_a_service_that_requires_keys(changing_service):
    service = changing_service.service
    key = make_key(service.data, "anna")
    with Client(service.url, key) as client:
        assert client.index()
    for wrong in (None, key[:-1]):
        with Client(service.url, wrong) as client, pytest.raises(ServiceError, match="key") as caught:
            client.index()
        assert caught.value.status == 401


@pytest.mark.long
def test_a_service_on_a_backup_answers_the_accepted_jobs(demo, demo_index, tmp_path):
    """A service on the copy answers the jobs that were accepted before the copy."""
    first = start(demo_index, tmp_path / "service", "--workers", "1")
    with Client(first.url) as client:
        many = client.submit(all_records(demo), genome_per="record")
        accepted = [client.submit(demo / f"{name}.fasta") for name in ("sample", "novel", "stranger")]
        done = backup(tmp_path / "service", tmp_path / "copy")
        first.kill()
    assert done == Backup(4, 4)
    with running(demo_index, tmp_path / "copy", "--workers", "1") as second, Client(second.url) as client:
        assert len(client.wait(many.id, DEADLINE_S).result) == many.inputs
        verdicts = [client.wait(each.id, DEADLINE_S).result[0]["verdict"] for each in accepted]
    assert verdicts == ["species", "genus", "novel"]
