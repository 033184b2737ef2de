"""gindex compare: one pass per model, all layers scored alike, the spectrum always among them."""

from __future__ import annotations

import gzip
import itertools
import json
import weakref
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch  # after the skip
from helpers.recorded_progress import RecordedProgress
from helpers.tiny_model import write_tiny_model

from genome_index.encoders import loaded_model, open_encoder, spec_for
from genome_index.encoders.layer_sweep import read_layers
from genome_index.encoders.networks.loader import open_model
from genome_index.errors import UsageError
from genome_index.evaluate import ani_pairs, comparison
from genome_index.evaluate.ani_pairs import ani_correlation
from genome_index.evaluate.comparison_tables import as_json, as_table
from genome_index.evaluate.memory_peak import peak_mb, reset_peak
from genome_index.evaluate.vector_scores import folds_of, mean_cosine, nearest_accuracy
from genome_index.index.vectors.projection import fit_projection
from genome_index.io.reader import iter_genomes
from genome_index.pipeline import compare_models
from genome_index.records import Genome, quiet
from genome_index.spec import IndexSpec, Reading
from genome_index.taxonomy.levels import UNKNOWN, Level

torch.set_num_threads(1)


def share_by_hand(genomes: list[Genome], windows: int) -> float:
    """Of the bases: a window of the tiny model is 63 words of six bases, on each strand."""
    return len(genomes) * windows * 63 * 6 / sum(genome.length_bp for genome in genomes)


@pytest.mark.parametrize("pool", ["mean", "max", "cls", "gem"])
def test_every_layer_of_one_pass_is_what_the_encoder_gives_for_that_layer(model, six_genomes, pool) -> None:
    genomes = list(iter_genomes(six_genomes[:2], "file"))
    tables, share = read_layers(open_encoder(spec_for(model, reading=Reading(windows=5))), genomes)
    assert len(tables) == 3 * 4
    assert share == pytest.approx(share_by_hand(genomes, 5), abs=0.005)
    assert 0.01 < share < 0.2
    for layer in range(pool == "cls", 3):  # of layer 0 no index is made by cls
        alone = open_encoder(spec_for(model, reading=Reading(layer=str(layer), tokens=pool, windows=5)))
        assert np.abs(tables[layer, pool] - alone.features(alone.encode(genomes))).max() <= 1e-5


def test_nearest_accuracy_is_that_of_plain_loops() -> None:
    generator = np.random.default_rng(1)
    codes = np.repeat(np.arange(6), 6).astype(np.int32)
    codes[::7] = UNKNOWN
    vectors = (generator.normal(size=(6, 8))[codes] * 0.5 + generator.normal(size=(36, 8))).astype(np.float32)
    level = Level("genus", tuple("abcdef"), codes)
    fold, right, queries = folds_of(level), 0, 0
    for at in range(36):
        others = [other for other in range(36) if fold[other] != fold[at] and codes[other] != UNKNOWN]
        if codes[at] == UNKNOWN or codes[at] not in codes[others]:
            continue
        projection = fit_projection(vectors[others].copy(), 256, 0.5)
        similarity = projection.apply(vectors[others]) @ projection.apply(vectors[at : at + 1])[0]
        queries += 1
        right += codes[others[int(similarity.argmax())]] == codes[at]
    assert 0 < right < queries
    assert nearest_accuracy(vectors, level, IndexSpec()) == pytest.approx(right / queries)


def test_anisotropy() -> None:
    generator = np.random.default_rng(0)
    cloud = generator.normal(size=(300, 64)).astype(np.float32)
    assert mean_cosine(cloud) == pytest.approx(0, abs=0.02)
    few = cloud[:5] + 1
    every = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in itertools.permutations(few, 2)]
    assert mean_cosine(few) == pytest.approx(np.mean(every), abs=1e-6)
    assert mean_cosine(cloud + 5) > 0.9


@pytest.mark.long
def test_the_command(gindex, model, demo, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(ani_pairs, "ANI_GENOMES", 12)
    words = ("compare", demo / "genomes", "--taxonomy", demo / "taxonomy.tsv", "--encoder", model,
             "--windows", "3", "--encoder", "profile",
             "--genome-per", "file")  # fmt: skip
    result = gindex(*words, "--format", "json", "--plots", tmp_path / "plots")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["genomes"] == 60
    rows = found["rows"]
    assert [(row["layer"], row["pool"]) for row in rows] == [
        (None, "-"), *((layer, pool) for layer in range(3) for pool in ("mean", "max", "cls", "gem")),
        (None, "-"),
    ]  # fmt: skip
    assert rows[0]["encoder"] == "spectrum"
    assert rows[0]["accuracy"]["genus"] > 0.9
    assert rows[0]["ani_pairs"] > 30
    assert rows[0]["ani_correlation"] > 0.7
    assert rows[3]["accuracy"]["genus"] is None  # cls of layer 0 is the same for all
    others = [row for row in rows if row is not rows[3]]
    assert all(0 <= row["accuracy"]["genus"] <= rows[0]["accuracy"]["genus"] for row in others)
    assert all(row["anisotropy_after"] < row["anisotropy"] for row in rows[1:] if row["pool"] == "mean")
    assert rows[-1]["encoder"] == "profile"
    assert rows[-1]["anisotropy_after"] == pytest.approx(rows[-1]["anisotropy"])  # taken as it comes
    plots = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert {"accuracy-genus.png", "accuracy-genus.svg", "anisotropy.png", "anisotropy.svg"} <= set(plots)
    assert (tmp_path / "plots" / "accuracy-genus.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_licence_of_a_model_is_reported(gindex, model, demo, six_genomes) -> None:
    words = (*six_genomes, "--taxonomy", demo / "taxonomy.tsv", "--genome-per", "file", "--windows", "1")
    result = gindex("compare", *words, "--encoder", model, "--layers", "0")
    assert result.exit_code == 0
    assert "not for commercial use" in result.stderr


def test_clones_have_no_correlation_with_their_identity() -> None:
    vectors = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    pairs = [(a, b) for a in range(6) for b in range(6) if a != b]
    assert ani_correlation(vectors, dict.fromkeys(pairs, 100.0)) is None
    different = {pair: 90.0 + at for at, pair in enumerate(pairs)}
    assert ani_correlation(vectors, different) is not None
    assert ani_correlation(vectors, dict(list(different.items())[:19])) is None


def test_a_model_is_let_go_before_the_next_is_read(model, six_genomes, tmp_path, monkeypatch) -> None:
    models: list[weakref.ref] = []
    alive = []

    def opened(folder: Path) -> tuple:
        alive.append([one() is not None for one in models])
        found = open_model(folder)
        models.append(weakref.ref(found[0]))
        return found

    monkeypatch.setattr(loaded_model, "open_model", opened)
    genomes = list(iter_genomes(six_genomes[:1], "file"))
    for folder in (model, write_tiny_model(tmp_path / "other")):
        spec = spec_for(str(folder), reading=Reading(windows=1))
        list(comparison.vectors_of(genomes, spec, "last", quiet))
    assert alive == [[], [False]]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux can forget a peak")
def test_the_most_memory_is_measured_from_here_on() -> None:
    large = np.ones(40_000_000)
    before = peak_mb(IndexSpec())
    del large
    reset_peak()
    assert peak_mb(IndexSpec()) < before - 200


@pytest.mark.long
def test_the_table_marks_the_best(gindex, demo) -> None:
    result = gindex("compare", demo / "genomes", "--taxonomy", demo / "taxonomy.tsv", "--genome-per", "file")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert (
        lines[0]
        == "60 genomes; accuracy of the nearest vector in 4 folds, best marked *; silhouette by species; "
        "ANI of 386 pairs"
    )
    assert lines[2].startswith("spectrum")
    assert lines[2].count("*") == len(lines[1].split()) - 11


def test_a_model_that_fails_is_a_failure_and_the_others_are_shown(
    gindex, model, demo, six_genomes, tmp_path
) -> None:
    folder = write_tiny_model(tmp_path / "broken")
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-100])
    words = (*six_genomes, "--taxonomy", demo / "taxonomy.tsv", "--genome-per", "file", "--windows", "1",
             "--encoder", folder, "--encoder", model, "--encoder", model, "--encoder", "spectrum",
             "--layers", "2", "--format", "json")  # fmt: skip
    result = gindex("compare", *words)
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert [row["encoder"] for row in said["rows"]] == ["spectrum", *[model] * 4]
    assert said["rows"][1]["encoder_version"] == spec_for(model).encoder_version
    assert said["reading"] == {"windows": 1, "chunk_tokens": 0, "precision": "auto"}
    (failure,) = said["failures"]
    assert failure["id"] == str(folder)
    assert f"failed: model: {folder}: it cannot be read (Error while deserializing" in result.stderr


def test_what_is_not_compared_and_why(model, six_genomes, tmp_path) -> None:
    (tmp_path / "torn.fa").write_text(">torn\n" + ("ACGTACGTACGTACG" + "N" * 10) * 60 + "\n")
    (tmp_path / "copy.fa").write_bytes(gzip.decompress(six_genomes[0].read_bytes()))
    table = tmp_path / "names.tsv"
    ids = [path.name.partition(".")[0] for path in six_genomes]
    names = [f"{one}\t{'AABBCC'[at]}\n" for at, one in enumerate(ids)]
    table.write_text("".join(["genome_id\tgenus\n", *names, "torn\tA\n", "copy\tA\n"]))
    progress = RecordedProgress()
    inputs = [*six_genomes, six_genomes[0], tmp_path / "torn.fa", tmp_path / "copy.fa"]
    found = compare_models(inputs, table, [model], layers="0", progress=progress)
    assert found.genomes == 7
    assert [(one.id, one.reason) for one in found.failures] == [
        (ids[0], f"the id {ids[0]!r} was already given by {six_genomes[0]}; rename one of the two"),
        (
            "torn",
            "it has nothing that a language model reads, no stretch of 20 bases without an N; leave it out",
        ),
    ]
    assert progress.notes[0] == (
        "2 of 7 genomes have the same sequence as another of them, which any encoder finds; leave one of "
        "each out for shares that tell encoders apart"
    )
    cls = next(row for row in found.rows if row.pool == "cls")  # of layer 0, the same for all
    assert np.isnan(cls.accuracy["genus"])
    assert json.loads("".join(as_json(found)))["rows"][3]["accuracy"] == {"genus": None}
    lines = list(as_table(found))
    assert next(line for line in lines if " cls " in line).split()[3] == "-"
    assert sum("*" in line for line in lines[2:]) >= 1


BAD = {
    "no taxonomy": (
        ["--genome-per", "file"],
        "gindex compare needs names to compare by: give --taxonomy TSV",
    ),
    "format": (["--format", "xml"], "--format is 'xml'; choose table or json; see `gindex compare --help`"),
    "no model": (
        ["--taxonomy", "{taxonomy}", "--encoder", "{nowhere}"],
        "{nowhere}: there is no such folder, and no hub model has such a name; give a folder with "
        "config.json, weights and tokenizer files: --encoder FOLDER, or --model FOLDER for an existing index",
    ),
}


@pytest.mark.parametrize(("words", "sentence"), BAD.values(), ids=BAD)
def test_wrong_use(gindex, demo, six_genomes, tmp_path: Path, words: list[str], sentence: str) -> None:
    places = {"taxonomy": demo / "taxonomy.tsv", "nowhere": tmp_path / "no" / "where"}
    result = gindex("compare", six_genomes[0], *(word.format(**places) for word in words))
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"gindex: {sentence.format(**places)}"


def test_names_that_nobody_shares(demo, six_genomes, tmp_path) -> None:
    table = tmp_path / "names.tsv"
    table.write_text("genome_id\tgenus\nDEMO_0001\tA\nDEMO_0002\tB\n")
    with pytest.raises(UsageError, match=r"^nothing to compare by: of 2 genomes, no two share a name"):
        compare_models(six_genomes[:2], table, [])
