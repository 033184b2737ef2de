"""gindex compare: one pass per model, all layers scored alike, the spectrum always among them."""

from __future__ import annotations

import gzip
import itertools
import json
import weakref
from dataclasses import replace
from importlib import resources
from pathlib import Path

import jsonschema
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
from genome_index.encoders.spectrum import Spectrum
from genome_index.errors import UsageError
from genome_index.evaluate import ani_pairs
from genome_index.evaluate.ani_pairs import ani_correlation
from genome_index.evaluate.comparison import compare, similarities
from genome_index.evaluate.comparison.compare import paired_interval
from genome_index.evaluate.comparison.repeated_folds import FOLDS, SEEDS, Names, folds_of, right_shares
from genome_index.evaluate.comparison.rows import Comparison, Queries, Row
from genome_index.evaluate.comparison.similarities import as_they_come, whitened
from genome_index.evaluate.comparison.tables import as_json, as_table
from genome_index.evaluate.comparison.vector_scores import mean_cosine
from genome_index.evaluate.memory_peak import peak_mb, reset_peak
from genome_index.index.calibration.bootstrap import interval
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


def cloud_of_names() -> tuple[np.ndarray, Names]:
    """44 genomes of 5 genera with species of one to three; some without a species, some without a genus."""
    generator = np.random.default_rng(1)
    species = np.repeat(np.arange(22), 2).astype(np.int32)
    species[::9] = np.arange(22, 27)
    genus = (species % 5).astype(np.int32)
    species[3::11], genus[5::13] = UNKNOWN, UNKNOWN
    vectors = generator.normal(size=(5, 12))[genus] * 0.6 + generator.normal(size=(44, 12))
    vectors += generator.normal(size=(27, 12))[species]
    levels = {
        "genus": Level("genus", tuple("abcde"), genus),
        "species": Level("species", tuple(map(str, range(27))), species),
    }
    return (vectors + 2).astype(np.float32), Names(levels, levels["species"])


def shares_by_hand(vectors: np.ndarray, names: Names, rank: str, project: bool) -> np.ndarray:
    """By plain loops and fit_projection: the share of seeds in which a genome is answered rightly."""
    right: dict[int, list[bool]] = {at: [] for at in range(len(vectors))}
    codes, species = names.levels[rank].codes, names.species.codes
    for seed in range(SEEDS):
        fold = folds_of(names, seed)
        for at in range(len(vectors)):
            others = [other for other in range(len(vectors)) if fold[other] != fold[at]]
            rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            if project:
                rows = fit_projection(vectors[others].copy(), 256, 0.5).apply(vectors)
            may = [other for other in others if codes[other] != UNKNOWN]
            if rank == "genus":
                may = [other for other in may if species[other] not in (UNKNOWN, species[at])]
                may = may if species[at] != UNKNOWN else []
            if codes[at] != UNKNOWN and codes[at] in codes[may]:
                near = max(may, key=lambda other: rows[other] @ rows[at])
                right[at].append(bool(codes[near] == codes[at]))
    return np.array([np.mean(each) if each else np.nan for each in right.values()])


@pytest.mark.parametrize("rank", ["genus", "species"])
@pytest.mark.parametrize("project", [False, True], ids=["as they come", "whitened"])
def test_shares_of_ten_seeds_are_those_of_plain_loops(rank, project) -> None:
    vectors, names = cloud_of_names()
    similarity = whitened(vectors, 256, 0.5) if project else as_they_come(vectors)
    found = right_shares(similarity, names)[rank]
    assert SEEDS == 10
    expected = shares_by_hand(vectors, names, rank, project)
    assert 0.1 < np.nanmean(expected) < 0.9
    assert np.isnan(expected).sum() >= 4
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_whitened_similarity_is_that_of_the_projection_of_an_index() -> None:
    generator = np.random.default_rng(2)
    for genomes, width, dim in ((40, 300, 256), (40, 6, 256), (60, 9_000, 16)):
        values = (generator.normal(size=(genomes, width)) * 0.02 + 1).astype(np.float32)
        values[1] = values[0]
        references, queries = np.arange(0, genomes, 2), np.arange(1, genomes, 2)
        projection = fit_projection(values[references].copy(), dim, 0.5)
        expected = projection.apply(values[queries]) @ projection.apply(values[references]).T
        found = whitened(values, dim, 0.5)(queries, references)
        assert np.abs(found - expected).max() <= 2e-4
        assert found[0, 0] == pytest.approx(1, abs=1e-6)


def test_more_references_than_an_index_fits_by_are_thinned_evenly(monkeypatch) -> None:
    values = np.random.default_rng(3).normal(size=(50, 20)).astype(np.float32)
    monkeypatch.setattr(similarities, "FIT_GENOMES", 10)
    projection = fit_projection(values[np.linspace(0, 39, 10).astype(int)].copy(), 256, 0.5)
    expected = projection.apply(values[40:]) @ projection.apply(values[:40]).T
    assert np.abs(whitened(values, 256, 0.5)(np.arange(40, 50), np.arange(40)) - expected).max() <= 1e-4


def test_folds_are_stratified_by_every_rank_and_differ_by_seed() -> None:
    _, names = cloud_of_names()
    folds = [folds_of(names, seed) for seed in range(SEEDS)]
    assert len({fold.tobytes() for fold in folds}) == SEEDS
    for fold in folds:
        for rows in names.levels["genus"].members().values():
            assert np.ptp(np.bincount(fold[rows], minlength=FOLDS)) <= 1
        for rows in names.species.members().values():
            if len(set(names.levels["genus"].codes[rows])) == 1:  # the twins of a genus
                assert np.bincount(fold[rows]).max() == 1
    lone = [genome for genome in (0, 9, 18) for fold in folds if fold[genome] != folds[0][genome]]
    assert set(lone) == {0, 9, 18}  # those alone of their species too


def test_the_difference_is_paired_by_genome_and_drawn_by_species() -> None:
    """Of 40 genomes of 4 species, the row loses all of one species, and never more than that."""
    first, row = np.ones(42), np.ones(42)
    row[:10] = 0.5
    first[40:] = row[40:] = np.nan  # no queries
    units = np.repeat(np.arange(5), 10)[:42]
    low, high = paired_interval(row - first, units)
    assert (low, high) == interval((row - first)[:40], units[:40])
    assert (low, high) == (-0.375, 0.0)  # three draws of that species in four, or none
    alone = np.arange(42)
    assert paired_interval(row - first, alone)[1] < 0  # of 40 species it is a difference
    assert paired_interval(row - first, np.zeros(42, int)) is None


def test_a_model_reads_the_genomes_once_and_its_row_is_paired_with_the_first(
    six_genomes, monkeypatch
) -> None:
    encodes = []
    encode = Spectrum.encode

    def counted_encode(self, genomes, progress=quiet):
        encodes.append(len(genomes))
        return encode(self, genomes, progress)

    monkeypatch.setattr(Spectrum, "encode", counted_encode)
    monkeypatch.setattr(compare, "ani_pairs", lambda genomes: {})
    genomes = list(iter_genomes(six_genomes, "file"))
    levels = {"genus": Level("genus", ("A", "B"), np.array([0, 0, 0, 0, 1, 1], np.int32))}
    species = Level("species", tuple("abcd"), np.array([0, 0, 1, 1, 2, 3], np.int32))
    specs = [spec_for("spectrum"), spec_for("profile")]
    first, second = compare.compare_encoders(genomes, Names(levels, species), specs)
    assert encodes == [6, 6]
    assert np.isnan(first.difference["genus"])
    assert first.difference_interval == {"genus": None}
    assert first.accuracy == first.accuracy_whitened
    assert second.accuracy == second.accuracy_as_is  # an index takes its vectors as they come
    gain = second.accuracy["genus"] - first.accuracy["genus"]
    assert second.difference["genus"] == pytest.approx(gain)


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
    schema = json.loads((resources.files("genome_index.report") / "schemas/compare.schema.json").read_text())
    jsonschema.validate(found, schema)
    assert all(row["accuracy"] == row["accuracy_whitened"] for row in rows[:-1])
    assert any(row["accuracy_as_is"] != row["accuracy_whitened"] for row in rows[:-1])
    assert rows[-1]["encoder"] == "profile"
    assert rows[-1]["accuracy"] == rows[-1]["accuracy_as_is"]  # an index takes it as it comes
    assert rows[0]["difference_interval"]["genus"] is None
    for row in others[1:]:
        low, high = row["difference_interval"]["genus"]
        gain = row["accuracy"]["genus"] - rows[0]["accuracy"]["genus"]
        assert row["difference"]["genus"] == pytest.approx(gain)
        assert low <= row["difference"]["genus"] <= high
    worst = min(others, key=lambda row: row["accuracy"]["genus"])
    assert worst["difference_interval"]["genus"][1] < 0
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
        list(compare.vectors_of(genomes, spec, "last", quiet))
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
    assert lines[:2] == [
        "60 genomes; accuracy of the nearest vector in percent, 4 folds, mean of 10 seeds, best marked *",
        "above species no genome of the query's species answers; difference from the spectrum in points, "
        "95 % interval over species",
    ]
    at = lines.index("genus: 60 genomes of 26 species")
    assert lines[at + 1].split()[3:] == ["accuracy", "difference", "as", "is", "whitened"]
    assert lines[at + 2].split() == ["spectrum", "-", "-", "100.0*", "-", "100.0", "100.0"]
    assert lines[-3] == (
        "silhouette by species; anisotropy: mean cosine of all pairs; rank correlation with ANI of 386 "
        "pairs; time and memory of the pass"
    )
    assert lines[-1].startswith("spectrum")


def test_a_difference_is_shown_with_its_interval() -> None:
    """The line of a row: 3.1 points less, by an interval that leaves out zero; whitening bought 7.7."""
    levels = {"genus": 0.9}
    spectrum = Row(
        "spectrum", None, "-", 256, {"genus": 0.931}, {"genus": np.nan}, {"genus": None}, levels,
        {"genus": 0.931}, {"genus": 0.5}, 0.8, None, 0, 1.0, 400.0, 1.0, "",
    )  # fmt: skip
    model = replace(
        spectrum, encoder="m", layer=2, pool="mean", accuracy=levels, difference={"genus": -0.031},
        difference_interval={"genus": (-0.0455, -0.0161)}, accuracy_as_is={"genus": 0.823},
        accuracy_whitened=levels,
    )  # fmt: skip
    found = Comparison(9, {"genus": Queries(7, 6)}, [spectrum, model], [], "-", Reading())
    lines = "".join(as_table(found)).splitlines()
    assert lines[3:7] == [
        "genus: 7 genomes of 6 species",
        "encoder   layer  pool  accuracy   difference                  as is  whitened",
        "spectrum      -  -         93.1*  -                            90.0      93.1",
        "m             2  mean      90.0   -3.1 (-4.5 to -1.6)          82.3      90.0",
    ]


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
    names = [f"{one}\t{'AABBCC'[at]}\t{'CCCCCC'[at]} {'abcdee'[at]}\n" for at, one in enumerate(ids)]
    table.write_text("".join(["genome_id\tgenus\tspecies\n", *names, "torn\tA\tC a\n", "copy\tA\t\n"]))
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
    assert progress.notes[-2] == (
        "1 genome without a species name: above species they neither are queries nor answer one, for they "
        "could be of any species"
    )
    assert found.queries == {"genus": Queries(4, 4), "species": Queries(2, 1)}
    cls = next(row for row in found.rows if row.pool == "cls")  # of layer 0, the same for all
    assert np.isnan(cls.accuracy["genus"])
    said = json.loads("".join(as_json(found)))
    assert said["rows"][3]["accuracy"] == {"genus": None, "species": None}
    assert said["rows"][3]["difference_interval"] == {"genus": None, "species": None}
    lines = list(as_table(found))
    assert next(line for line in lines if " cls " in line).split()[3:] == ["-", "-", "-", "-"]
    assert sum("*" in line for line in lines[2:]) >= 2


def test_a_rank_at_which_only_twins_would_answer_is_not_compared(six_genomes, tmp_path) -> None:
    table = tmp_path / "names.tsv"
    ids = [path.name.partition(".")[0] for path in six_genomes]
    names = [f"{one}\t{'AABBCC'[at]}\t{'AABBCC'[at]} a\n" for at, one in enumerate(ids)]
    table.write_text("".join(["genome_id\tgenus\tspecies\n", *names]))
    progress = RecordedProgress()
    found = compare_models(six_genomes, table, [], progress=progress)
    assert found.queries == {"species": Queries(6, 3)}
    assert progress.notes == [
        "not compared by genus: above species a genome of another species has to answer, and none has the "
        "same name"
    ]


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
