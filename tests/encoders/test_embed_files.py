"""gindex embed: vector files, their JSON, formats, chunks, and a run that continues."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import duckdb
import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch  # after the skip
from helpers.recorded_progress import RecordedProgress

from genome_index.encoders import language_model as transformer
from genome_index.encoders import open_encoder, spec_for
from genome_index.errors import ModelError, StorageError, UsageError
from genome_index.io.reader import iter_genomes
from genome_index.pipeline import embed_genomes
from genome_index.spec import IndexSpec, Reading

torch.set_num_threads(1)


@pytest.fixture
def spec(model: str) -> IndexSpec:
    return spec_for(model, reading=Reading(windows=4))


def expected(spec: IndexSpec, path: Path) -> np.ndarray:
    encoder = open_encoder(spec)
    return encoder.features(encoder.encode(list(iter_genomes([path], "file"))))[0]


def one_cell(query: str) -> list[float]:
    return duckdb.connect().execute(query).fetchone()[0]


READ = {
    "pt": lambda path: torch.load(path, weights_only=True).numpy(),
    "npy": lambda path: np.load(path, allow_pickle=False),
    "parquet": lambda path: np.array(
        duckdb.connect().execute(f"select vector from '{path}'").fetchone()[0], np.float32
    ),
}


@pytest.mark.parametrize("kind", READ)
def test_the_file_holds_the_vector_and_the_json_says_how(kind, spec, six_genomes, tmp_path, model) -> None:
    found = list(embed_genomes(six_genomes, tmp_path, spec, kind=kind))
    assert [one.path for one in found] == [tmp_path / f"{one.id}.{kind}" for one in found]
    for one, source in zip(found, six_genomes, strict=True):
        assert np.abs(READ[kind](one.path) - expected(spec, source)).max() <= 1e-5
        said = json.loads(one.path.with_suffix(".json").read_text())
        assert said["file_sha256"] == hashlib.sha256(one.path.read_bytes()).hexdigest()
        assert (said["model"], said["encoder_version"]) == (model, spec.encoder_version)
        assert said["reading"]["windows"] == 4
        assert said["chunks"] == 8
        assert 0 < said["share_read"] < 0.1
        assert said["shape"] == [32]


def test_chunks_have_a_row_each(spec, six_genomes, tmp_path) -> None:
    (one,) = embed_genomes(six_genomes[:1], tmp_path, spec, per_chunk=True)
    said = json.loads(one.path.with_suffix(".json").read_text())
    rows = np.load(one.path)
    assert rows.shape == (8, 32)
    assert said["chunk_strand"] == [0] * 4 + [1] * 4
    weights = np.array(said["chunk_tokens"])
    assert np.abs(weights @ rows / weights.sum() - expected(spec, six_genomes[0])).max() <= 1e-5


def test_the_spectrum_can_be_embedded_but_has_no_chunks(six_genomes, tmp_path) -> None:
    (one,) = embed_genomes(six_genomes[:1], tmp_path)
    assert np.array_equal(np.load(one.path), expected(IndexSpec(), six_genomes[0]))
    with pytest.raises(UsageError, match=r"^--per-chunk: the encoder spectrum has no chunks; leave it out$"):
        list(embed_genomes(six_genomes, tmp_path, per_chunk=True))


def test_a_second_run_makes_only_what_is_missing_or_damaged_or_other(
    spec, six_genomes, tmp_path, model
) -> None:
    first = list(embed_genomes(six_genomes[:4], tmp_path, spec))
    first[0].path.unlink()
    first[1].path.write_bytes(first[1].path.read_bytes()[:-1])
    first[2].path.with_suffix(".json").unlink()
    kept = first[3].path.stat().st_mtime_ns
    again = list(embed_genomes(six_genomes, tmp_path, spec))
    assert [one.was_present for one in again] == [False, False, False, True, False, False]
    assert first[3].path.stat().st_mtime_ns == kept
    assert all(one.was_present for one in embed_genomes(six_genomes, tmp_path, spec))
    other = spec_for(model, reading=Reading(windows=5))
    assert not any(one.was_present for one in embed_genomes(six_genomes, tmp_path, other))


def test_each_vector_is_written_as_soon_as_its_genome_is_read(
    spec, six_genomes, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(transformer, "GROUP_BP", 1)
    progress = RecordedProgress()
    running = embed_genomes(six_genomes, tmp_path, spec, progress=progress)
    next(running)
    assert {done for _, done, _ in progress.stages} == {0}  # no other genome has been read yet
    assert len(list(tmp_path.glob("*.npy"))) == 1
    running.close()  # as a run that is killed
    again = list(embed_genomes(six_genomes, tmp_path, spec))
    assert [one.was_present for one in again] == [True, *[False] * 5]


def test_the_same_model_by_another_name_is_not_read_again(spec, model, six_genomes, tmp_path) -> None:
    list(embed_genomes(six_genomes[:1], tmp_path / "out", spec))
    (tmp_path / "link").symlink_to(model)
    other = spec_for(str(tmp_path / "link"), reading=spec.reading)
    assert [one.was_present for one in embed_genomes(six_genomes[:1], tmp_path / "out", other)] == [True]


def test_a_genome_that_a_model_finds_nothing_to_read_in_is_a_failure(spec, tmp_path) -> None:
    (tmp_path / "broken.fa").write_text(f">broken\n{'ACGTTGCATTACGTTN' * 100}\n")
    (one,) = embed_genomes([tmp_path / "broken.fa"], tmp_path / "out", spec)
    assert one.path is None
    assert one.reason == (
        "it has nothing that a language model reads, no stretch of 20 bases without an N; leave it out"
    )
    assert not list((tmp_path / "out").iterdir())


def test_long_ids_are_cut_and_stay_apart(tmp_path) -> None:
    ids = [f"{'г' * 90}{number}" for number in range(2)]
    (tmp_path / "long.fa").write_text("".join(f">{one}\n{'ACGTTGCA' * 100}\n" for one in ids))
    found = list(embed_genomes([tmp_path / "long.fa"], tmp_path / "out", per="record"))
    assert len({one.path for one in found}) == 2
    assert all(one.path.is_file() for one in found)


def test_inputs_that_cannot_be_read_have_a_reason_and_stop_nothing(spec, six_genomes, tmp_path) -> None:
    (tmp_path / "empty.fa").touch()
    found = list(
        embed_genomes([tmp_path / "empty.fa", six_genomes[0], six_genomes[0]], tmp_path / "out", spec)
    )
    assert [one.path is None for one in found] == [True, False, True]
    assert found[0].reason == "the file is empty; give a FASTA or GenBank file"
    assert found[2].reason == (
        f"the id 'DEMO_0001' was already given by {six_genomes[0]}; rename one of the two"
    )


def test_another_format_is_not_written_over_what_says_how_the_first_was_made(
    spec, six_genomes, tmp_path
) -> None:
    (first,) = embed_genomes(six_genomes[:1], tmp_path, spec, kind="npy")
    said = first.path.with_suffix(".json").read_bytes()
    (second,) = embed_genomes(six_genomes[:1], tmp_path, spec, kind="pt")
    assert second.path is None
    assert second.reason == (
        f"{first.path} exists, and one JSON cannot describe both; give another --out, or --format npy"
    )
    assert first.path.with_suffix(".json").read_bytes() == said


@pytest.mark.parametrize("said", ["[]", '"x"', "", "{"])
def test_a_json_that_says_nothing_is_written_anew(spec, six_genomes, tmp_path, said: str) -> None:
    (first,) = embed_genomes(six_genomes[:1], tmp_path, spec)
    path = first.path.with_suffix(".json")
    right = path.read_text()
    path.write_text(said)
    (again,) = embed_genomes(six_genomes[:1], tmp_path, spec)
    assert not again.was_present
    assert path.read_text() == right


def test_a_folder_in_the_way_is_reported(spec, six_genomes, tmp_path) -> None:
    (tmp_path / "DEMO_0001.json").mkdir()
    with pytest.raises(StorageError, match="DEMO_0001.npy: cannot read the existing file"):
        list(embed_genomes(six_genomes[:1], tmp_path, spec))


def test_an_id_with_a_slash_stays_within_the_folder(spec, tmp_path) -> None:
    fasta = tmp_path / "a.fa"
    fasta.write_text(">../x/y\n" + "ACGTTGCA" * 100 + "\n")
    (one,) = embed_genomes([fasta], tmp_path / "out", spec, per="record")
    assert one.path == tmp_path / "out" / "..%2Fx%2Fy.npy"
    assert one.path.is_file()


def test_bad_settings(six_genomes, tmp_path, spec) -> None:
    with pytest.raises(UsageError, match=r"^no format is called 'h5'; choose one of: pt, npy, parquet$"):
        list(embed_genomes(six_genomes, tmp_path, spec, kind="h5"))
    with pytest.raises(ModelError, match="there is no such folder"):
        spec_for(str(tmp_path / "nothing"))


def test_the_command_says_what_was_made_what_failed_and_the_licence(
    gindex, model, six_genomes, tmp_path
) -> None:
    (tmp_path / "empty.fa").touch()
    words = (
        "embed",
        *six_genomes[:2],
        tmp_path / "empty.fa",
        "--encoder",
        model,
        "--windows",
        "4",
        "--genome-per",
        "file",
    )
    result = gindex(*words, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "CC BY-NC-SA 4.0: not for commercial use" in result.stderr
    said = f"failed: {tmp_path / 'empty.fa'}: empty: the file is empty; give a FASTA or GenBank file"
    assert said in result.stderr
    share = re.search(
        r"embedded 2 genomes \((.+)% of each read in windows, on average\), 0 already", result.stderr
    )
    said = [json.loads((tmp_path / "out" / f"DEMO_000{at}.json").read_text())["share_read"] for at in (1, 2)]
    assert share
    assert float(share.group(1)) == pytest.approx(50 * sum(said), abs=0.06)
    assert f"already present, 1 failed: {tmp_path / 'out'}" in result.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "DEMO_0001.json", "DEMO_0001.pt", "DEMO_0002.json", "DEMO_0002.pt",
    ]  # fmt: skip


WITHOUT_EXTRA = {
    "build {genome} --encoder {model}": "--encoder {model} needs torch and transformers",
    "embed {genome}": "--format pt needs torch",
    "compare {genome} --taxonomy {taxonomy}": "gindex compare needs sklearn and scipy",
    "fit-pool": "gindex fit-pool needs torch and scipy",
}


@pytest.mark.parametrize(("words", "sentence"), WITHOUT_EXTRA.items(), ids=WITHOUT_EXTRA)
def test_without_the_extra_the_cure_is_reported(
    gindex, demo, six_genomes, model, tmp_path, monkeypatch, words, sentence
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    places = {"genome": six_genomes[0], "model": model, "taxonomy": demo / "taxonomy.tsv"}
    result = gindex(*(word.format(**places) for word in words.split()))
    assert result.exit_code == 2
    cure = "; install with `pip install 'gindex[neural]'`"
    assert result.stderr.splitlines()[-1] == f"gindex: {sentence.format(**places)}{cure}"
