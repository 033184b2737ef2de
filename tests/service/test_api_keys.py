"""API keys: shown once, stored as digests, and refused once they are removed."""

import hashlib
import sqlite3
from contextlib import closing

import pytest
import typer
from gindex_cli.commands.key import app as key_app
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from genome_index.errors import StorageError, UsageError
from genome_index.service.api_keys import KEY_BYTES, Key, add_key, find_key, list_keys, remove_key
from genome_index.service.jobs.database import FILE, connect


@pytest.fixture
def data(tmp_path):
    return tmp_path / "service"


@pytest.fixture
def keys(data):
    with closing(connect(data)) as connection:
        yield connection


def gindex_key(*words):
    app = typer.Typer()
    app.add_typer(key_app)
    return CliRunner().invoke(app, ["key", *map(str, words)])


# The library ------------------------------------------------------------------------------------------------


def test_find_key_returns_name_and_rights(keys):
    anna, boss = add_key(keys, "anna"), add_key(keys, "boss@lab.example", admin=True)
    found = find_key(keys, anna)
    assert found == Key("anna", False, found.created)
    assert found.created.endswith("Z")
    assert find_key(keys, boss).admin
    assert [key.name for key in list_keys(keys)] == ["anna", "boss@lab.example"]


def test_keys_are_long_and_random_with_a_common_prefix(keys):
    made = [add_key(keys, f"key{number}") for number in range(200)]
    assert len({key[3:9] for key in made}) == 200
    for key in made:
        assert key.startswith("gx_")
        assert len(key) == 3 + -(-KEY_BYTES * 8 // 6)


def test_no_part_of_a_key_is_on_the_disk(data, keys):
    key = add_key(keys, "anna")
    keys.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    stored = b"".join(path.read_bytes() for path in data.iterdir())
    assert hashlib.sha256(key.encode()).hexdigest().encode() in stored
    for start in range(3, len(key) - 8):
        assert key[start : start + 8].encode() not in stored


def test_other_texts_are_no_keys(keys):
    key = add_key(keys, "anna")
    digest = hashlib.sha256(key.encode()).hexdigest()
    for other in (
        "",
        "anna",
        key[:-1],
        key + "A",
        key.swapcase(),
        f" {key}",
        digest,
        "' OR 1=1 --",
        "\ud800",
        "é",
    ):
        assert find_key(keys, other) is None, other


def test_a_removed_key_is_refused_and_its_name_is_free(keys):
    old = add_key(keys, "anna", admin=True)
    with pytest.raises(UsageError, match="there is a key called 'anna', and it cannot be shown again"):
        add_key(keys, "anna")
    assert find_key(keys, old).admin
    remove_key(keys, "anna")
    assert find_key(keys, old) is None
    new = add_key(keys, "anna")
    assert not find_key(keys, new).admin
    assert find_key(keys, old) is None


def test_an_unknown_name_is_reported_with_the_known_names(keys):
    with pytest.raises(UsageError, match="no key is called 'bert'; there are no keys"):
        remove_key(keys, "bert")
    add_key(keys, "anna")
    add_key(keys, "carl")
    with pytest.raises(UsageError, match="no key is called 'bert'; known are anna, carl"):
        remove_key(keys, "bert")


@pytest.mark.parametrize("name", ["a", "A.b_c-d@e", "9", "x" * 64])
def test_allowed_names(keys, name):
    assert find_key(keys, add_key(keys, name)).name == name


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a\n", "-x", ".", "@x", "x" * 65, "é", "a/b", "a\tb", "a\x00", "<b>", "'"]
)
def test_other_names_are_refused(keys, name):
    with pytest.raises(UsageError, match="a key cannot be called"):
        add_key(keys, name)
    assert not list_keys(keys)


@given(text=st.text())
def test_no_random_text_is_a_key(tmp_path_factory, text):
    with closing(connect(tmp_path_factory.getbasetemp() / "guessed")) as connection:
        if not list_keys(connection):
            add_key(connection, "anna")
        assert find_key(connection, text) is None


# The command ------------------------------------------------------------------------------------------------


def test_standard_output_has_only_the_key(data):
    done = gindex_key("add", "anna", "--admin", "--data", data)
    assert done.exit_code == 0
    assert done.stderr == "an admin key for anna, shown this once: send it as `Authorization: Bearer KEY`\n"
    with closing(connect(data)) as connection:
        assert find_key(connection, done.stdout.removesuffix("\n")) == list_keys(connection)[0]


def test_list_and_remove(data):
    gindex_key("add", "anna", "--data", data)
    gindex_key("add", "boss", "--admin", "--data", data)
    head, *rows = [line.split("\t") for line in gindex_key("list", "--data", data).stdout.splitlines()]
    assert head == ["name", "may", "created"]
    assert [row[:2] for row in rows] == [["anna", "ask"], ["boss", "ask and change"]]
    assert gindex_key("remove", "anna", "--data", data).stderr == "removed anna\n"
    assert len(gindex_key("list", "--data", data).stdout.splitlines()) == 2


def test_the_folder_comes_from_the_environment(data, monkeypatch):
    monkeypatch.setenv("GINDEX_DATA", str(data))
    assert gindex_key("add", "anna").exit_code == 0
    assert (data / FILE).is_file()


@pytest.mark.parametrize("words", [["list"], ["remove", "anna"]])
def test_a_folder_without_service_is_reported_and_not_created(data, words):
    done = gindex_key(*words, "--data", data)
    assert done.exit_code == 2
    assert done.stderr == (
        f"gindex: {data} is not the folder of a service (no {FILE} in it); "
        "give the --data of `gindex serve`\n"
    )
    assert not data.exists()


def test_usage_errors_are_one_sentence(data):
    assert gindex_key("add", "anna", "--data", data).exit_code == 0
    for words in (["add", "anna"], ["add", "a b"], ["remove", "bert"]):
        done = gindex_key(*words, "--data", data)
        assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_folder_without_write_permission_is_reported(tmp_path):
    (tmp_path / "file").write_text("no folder")
    done = gindex_key("add", "anna", "--data", tmp_path / "file" / "service")
    assert done.exit_code == 2
    assert "cannot write here" in done.stderr


def test_a_damaged_database_is_reported(data):
    with closing(connect(data)):
        pass
    (data / FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError, match="damaged"), closing(connect(data)):
        pass
    done = gindex_key("list", "--data", data)
    assert done.exit_code == 2
    assert "damaged" in done.stderr


def test_keys_of_another_connection_are_known_at_once(data, keys):
    key = gindex_key("add", "anna", "--data", data).stdout.strip()
    assert find_key(keys, key).name == "anna"
    gindex_key("remove", "anna", "--data", data)
    assert find_key(keys, key) is None


def test_a_rolled_back_key_is_unknown(keys):
    keys.execute("BEGIN")
    key = add_key(keys, "anna")
    keys.execute("ROLLBACK")
    assert find_key(keys, key) is None
    assert isinstance(keys, sqlite3.Connection)
