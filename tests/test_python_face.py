"""gindex from Python: the public names, and an index that is queried and changed as an object."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import genome_index
from genome_index import Client, Index, add_genomes, query_index
from genome_index.errors import UsageError
from genome_index.io.reader import iter_genomes
from genome_index.report.calls import JSON_VERSION, call_json


@pytest.fixture
def index(own_index: Path) -> Index:
    return Index.open(own_index)


def test_query_takes_a_path_several_paths_or_genomes(index: Index, demo: Path) -> None:
    paths = [demo / "sample.fasta", demo / "novel.fasta"]
    calls = index.query(paths)
    as_json = [call.to_dict() for call in calls]  # rounded, for batches differ in the last bits
    assert [(call.query, call.verdict) for call in calls] == [("sample", "species"), ("novel", "novel")]
    assert calls == list(query_index(index, paths))
    genomes = list(iter_genomes(paths))
    assert index.query(genomes) == calls
    singles = (paths[0], str(paths[0]), genomes[0])
    assert [index.query(single)[0].to_dict() for single in singles] == [as_json[0]] * 3


def test_query_returns_k_hits(index: Index, demo: Path) -> None:
    assert [len(call.hits) for call in index.query(demo / "sample.fasta", k=3)] == [3]
    assert [len(call.hits) for call in index.query(demo / "sample.fasta")] == [5]


def test_query_gives_unreadable_inputs_a_call(index: Index, demo: Path, tmp_path: Path) -> None:
    calls = index.query([demo / "sample.fasta", tmp_path / "absent.fa"])
    assert [call.verdict for call in calls] == ["species", "failed"]


def test_changes_turn_the_index_to_the_new_snapshot(index: Index, demo: Path) -> None:
    before = Index.open(index.path)
    summary = index.add(demo / "genomes" / "DEMO_0003.fa.gz", demo / "taxonomy.tsv")
    assert (summary.added, index.snapshot.number, index.snapshot.genomes) == (1, 2, 7)
    assert index.remove("DEMO_0003").removed == 1
    assert (index.snapshot.number, index.snapshot.genomes) == (3, 6)
    assert index.remove(["DEMO_0001", "DEMO_0002"]).removed == 2
    index.undo()
    assert (index.snapshot.number, index.snapshot.genomes) == (3, 6)
    assert (before.snapshot.number, before.snapshot.genomes) == (1, 6)
    assert before.query(demo / "sample.fasta")[0].name == "Demobacter simulatus"


def test_the_old_snapshot_stays_on_disk_while_another_object_has_it_open(index: Index, demo: Path) -> None:
    before = Index.open(index.path)
    for number in (3, 6, 7, 8, 9, 10):
        index.add(demo / "genomes" / f"DEMO_{number:04}.fa.gz", demo / "taxonomy.tsv")
    assert before.folder.is_dir()
    assert before.query(demo / "sample.fasta")[0].verdict == "species"


def test_relabel_takes_a_table(index: Index, tmp_path: Path) -> None:
    table = tmp_path / "names.tsv"
    table.write_text("genome_id\tgenus\tspecies\nDEMO_0001\tNovus\tNovus primus\n")
    assert index.relabel(table).relabelled == 1
    assert index.sql("SELECT species FROM genomes WHERE id = 'DEMO_0001'") == [{"species": "Novus primus"}]


def test_sql_returns_rows_by_column(index: Index) -> None:
    rows = index.sql("SELECT genus, count(*) AS genomes FROM genomes GROUP BY genus ORDER BY genus")
    assert rows == [{"genus": "Demobacter", "genomes": 4}, {"genus": "Specimenella", "genomes": 2}]
    with pytest.raises(UsageError, match="DROP is not answered"):
        index.sql("DROP TABLE genomes")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_to_frame_has_one_row_a_genome(index: Index, library: str) -> None:
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    frame = index.to_frame(library)
    assert type(frame) is module.DataFrame
    assert frame.shape[0] == 6
    assert list(frame["genome_id"]) == [row["id"] for row in index.sql("SELECT id FROM genomes ORDER BY row")]
    assert {"length_bp", "contigs", "molecule", "genus", "species", "habitat", "input"} <= set(frame.columns)
    assert (
        int(frame["length_bp"].sum())
        == index.sql("SELECT sum(length_bp)::BIGINT AS bp FROM genomes")[0]["bp"]
    )


def test_to_frame_says_what_to_install(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no data frame library is called 'dask'; choose pandas or polars"):
        index.to_frame("dask")  # type: ignore[arg-type]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs pandas or polars; install with `pip install pandas`"):
        index.to_frame()


def test_to_dict_is_the_json_without_version_and_provenance(index: Index, demo: Path) -> None:
    [call] = index.query(demo / "sample.fasta")
    contract = call_json(call, {"snapshot": 1})
    assert contract == {"version": JSON_VERSION, **call.to_dict(), "provenance": {"snapshot": 1}}
    assert json.loads(json.dumps(call.to_dict())) == call.to_dict()
    assert call.to_dict()["hits"][0] == call.hits[0].to_dict()


def test_functions_take_what_the_methods_take(own_index: Path, demo: Path) -> None:
    [genome] = iter_genomes([demo / "genomes" / "DEMO_0003.fa.gz"])
    assert add_genomes(genome, own_index, demo / "taxonomy.tsv").added == 1
    [call] = query_index(own_index, demo / "sample.fasta")
    assert call.name == "Demobacter simulatus"


def test_public_names_are_sorted_and_importable() -> None:
    assert genome_index.__all__ == sorted(genome_index.__all__)
    for name in genome_index.__all__:
        assert getattr(genome_index, name).__name__ == name
        assert name in dir(genome_index)
    with pytest.raises(AttributeError, match="has no attribute 'Indexes'"):
        genome_index.Indexes  # noqa: B018  # the look-up is the test


@pytest.mark.parametrize("module", ["torch", "fastapi", "duckdb", "faiss", "pandas"])
def test_the_client_loads_nothing_of_the_index(module: str) -> None:
    code = f"import sys; from genome_index import Client; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert Client.__name__ == "Client"


def test_a_copied_index_opens_where_it_was_copied_to(index: Index, demo: Path, tmp_path: Path) -> None:
    copy = Index.open(shutil.copytree(index.path, tmp_path / "copy"))
    calls = [one.query(demo / "sample.fasta")[0].to_dict() for one in (copy, index)]
    assert calls[0] == calls[1]
