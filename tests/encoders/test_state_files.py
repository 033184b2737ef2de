"""gindex embed: all layers, a vector a token, and the encoder, settings and pool of an index."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from genome_index import Index, build_index
from genome_index.encoders import open_encoder, spec_for
from genome_index.encoders.embedding import states
from genome_index.encoders.language_model import COLUMNS, Transformer
from genome_index.encoders.learned_pooling import new_pool, pool_all, save_pool
from genome_index.encoders.networks.loader import open_model
from genome_index.errors import UsageError
from genome_index.index.changes import fit_again
from genome_index.index.commit import ChangeSettings
from genome_index.io.reader import iter_genomes
from genome_index.pipeline import embed_genomes, show_tokens
from genome_index.records import Genome
from genome_index.spec import Reading

torch.set_num_threads(1)

WIDTH, LAYERS = 32, 3  # of the tiny model: the embedding layer and two blocks


def genome_of(path: Path) -> Genome:
    (one,) = iter_genomes([path], "file")
    return one


def layer_vector(model: str, path: Path, layer: str, **settings: object) -> np.ndarray:
    encoder = open_encoder(spec_for(model, reading=Reading(layer=layer, windows=3, **settings)))
    return encoder.features(encoder.encode([genome_of(path)]))[0]


@pytest.mark.parametrize("kind", ["npy", "pt"])
@pytest.mark.parametrize("settings", [{}, {"tokens": "max"}, {"chunks": "mean"}], ids=str)
def test_all_layers_are_each_by_itself(kind, settings, model, six_genomes, tmp_path) -> None:
    spec = spec_for(model, reading=Reading(layer="all", windows=3, **settings))
    (one,) = embed_genomes(six_genomes[:1], tmp_path, spec, kind=kind)
    found = np.load(one.path) if kind == "npy" else torch.load(one.path, weights_only=True).numpy()
    assert found.shape == (LAYERS, WIDTH)
    for layer in range(LAYERS):
        expected = layer_vector(model, six_genomes[0], str(layer), **settings)
        assert np.abs(found[layer] - expected).max() <= 1e-6
    said = json.loads(one.path.with_suffix(".json").read_text())
    assert said["layers"] == [0, 1, 2]
    assert said["shape"] == [LAYERS, WIDTH]
    assert said["file_sha256"] == hashlib.sha256(one.path.read_bytes()).hexdigest()
    assert sorted(path.suffix for path in tmp_path.iterdir()) == sorted([".json", f".{kind}"])
    (again,) = embed_genomes(six_genomes[:1], tmp_path, spec, kind=kind)
    assert again.was_present


def dull_states(model: str, spec, path: Path, numbers: list[int]) -> np.ndarray:
    """The states of each token of each chunk, one chunk at a time: (T, layers, H)."""
    network, _ = open_model(Path(model))
    found = []
    for row in show_tokens([genome_of(path)], spec):
        ids = torch.tensor([row.token_ids])
        with torch.no_grad():
            hidden = list(network.hidden(ids, None))
        found.append(torch.stack([hidden[number][0, 1:] for number in numbers], 1).numpy())
    return np.concatenate(found)


@pytest.mark.parametrize("most_numbers", [1 << 24, 1])
def test_tokens_have_a_row_each(most_numbers: int, model, six_genomes, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(states, "MOST_NUMBERS", most_numbers)  # 1: chunk by chunk
    spec = spec_for(model, reading=Reading(windows=5, chunk_tokens=20))
    (one,) = embed_genomes(six_genomes[:1], tmp_path, spec, per_token=True)
    found = np.load(one.path)
    assert np.abs(found - dull_states(model, spec, six_genomes[0], [2])[:, 0]).max() <= 1e-5
    said = json.loads(one.path.with_suffix(".json").read_text())
    rows = list(show_tokens(six_genomes[:1], spec))
    assert said["per_token"]
    assert said["chunk_tokens"] == [len(row.token_ids) - 1 for row in rows]
    assert said["chunk_start"] == [row.start for row in rows]
    assert said["chunk_end"] == [row.end for row in rows]
    assert said["chunk_strand"] == [0] * 5 + [1] * 5
    assert len(found) == sum(said["chunk_tokens"])


def test_tokens_in_all_layers_and_in_several(model, six_genomes, tmp_path) -> None:
    spec = spec_for(model, reading=Reading(layer="all", windows=2))
    (one,) = embed_genomes(six_genomes[:1], tmp_path / "all", spec, per_token=True)
    exact = dull_states(model, spec, six_genomes[0], [0, 1, 2])
    assert np.abs(np.load(one.path) - exact).max() <= 1e-5
    normed = torch.nn.functional.layer_norm(torch.from_numpy(exact), (WIDTH,)).numpy()
    for layer, expected in (
        ("mean:1-2", normed[:, 1:].mean(1)),
        ("concat:0,2", normed[:, [0, 2]].reshape(len(exact), -1)),
    ):
        spec = spec_for(model, reading=Reading(layer=layer, windows=2))
        (one,) = embed_genomes(six_genomes[:1], tmp_path / layer, spec, per_token=True)
        assert np.abs(np.load(one.path) - expected).max() <= 1e-5


def test_chunks_in_all_layers(model, six_genomes, tmp_path) -> None:
    spec = spec_for(model, reading=Reading(layer="all", windows=3))
    (one,) = embed_genomes(six_genomes[:1], tmp_path / "chunks", spec, per_chunk=True)
    found = np.load(one.path)
    assert found.shape == (6, LAYERS, WIDTH)
    said = json.loads(one.path.with_suffix(".json").read_text())
    weights = np.array(said["chunk_tokens"]) / sum(said["chunk_tokens"])
    (whole,) = embed_genomes(six_genomes[:1], tmp_path / "whole", spec)
    assert np.abs(np.tensordot(weights, found, 1) - np.load(whole.path)).max() <= 1e-6


def test_memory_does_not_grow_with_the_genome(model, six_genomes, monkeypatch) -> None:
    """What is computed at a time stays below MOST_NUMBERS, whatever the number of chunks."""
    monkeypatch.setattr(states, "MOST_NUMBERS", 60 * LAYERS * WIDTH)
    encoder = open_encoder(spec_for(model, reading=Reading(layer="all", chunk_tokens=20)))
    assert isinstance(encoder, Transformer)
    ((grid,),) = encoder.iter_grids([genome_of(six_genomes[0])])
    slices = list(states._slices(encoder, grid, states.Per.TOKEN))
    assert len(slices) > 50
    assert max(int(grid.tokens[start:end].sum()) for start, end in slices) <= 60
    assert [number for start, end in slices for number in range(start, end)] == list(range(len(grid.ids)))


@pytest.mark.parametrize("kind", ["gru", "attention"])
def test_an_index_lends_its_settings_and_its_fitted_pool(kind, gindex, model, six_genomes, tmp_path) -> None:
    path = tmp_path / "index"
    spec = spec_for(model, reading=Reading(windows=4, layer="1"))
    build_index(six_genomes, path, spec=spec)
    torch.manual_seed(3)
    module = new_pool(kind, WIDTH).eval()
    with torch.no_grad():
        for tensor in module.parameters():
            tensor.add_(torch.randn_like(tensor) * 0.5)
    name = save_pool(module, kind, path)
    fit_again(
        Index.open(path), replace(spec, reading=replace(spec.reading, chunks=name)), ChangeSettings(), "x"
    )
    index = Index.open(path)
    result = gindex("embed", six_genomes[0], "--index", path, "--out", tmp_path / "out", "--format", "npy")
    assert result.exit_code == 0, result.stderr
    rows = open_encoder(spec).encode([genome_of(six_genomes[0])])
    expected = pool_all(module, rows, COLUMNS)[0]
    found = np.load(tmp_path / "out" / "DEMO_0001.npy")
    assert np.abs(found - expected).max() <= 1e-5
    assert np.abs(found - layer_vector(model, six_genomes[0], "1")).max() > 0.01
    said = json.loads((tmp_path / "out" / "DEMO_0001.json").read_text())
    assert said["reading"]["chunks"] == name
    raw = index.references.raw([0])
    assert np.abs(index.references.features([0])[0] - pool_all(module, raw, COLUMNS)[0]).max() <= 1e-5


def test_an_index_without_a_language_model_lends_its_encoder(
    gindex, small_index, six_genomes, tmp_path
) -> None:
    words = ("embed", six_genomes[0], "--format", "npy", "--out")
    assert gindex(*words, tmp_path / "a", "--index", small_index).exit_code == 0
    assert gindex(*words, tmp_path / "b").exit_code == 0
    one, other = (np.load(tmp_path / name / "DEMO_0001.npy") for name in "ab")
    assert np.array_equal(one, other)


REFUSED = {
    "embed {genome} --index {index} --windows 4": (
        "--index {index}: its encoder and settings are used; leave out --encoder and options of reading"
    ),
    "embed {genome} --model {model}": (
        "--model is the present folder of an index's model; give --index or --encoder"
    ),
    "embed {genome} --encoder {model} --layer all --format parquet": (
        "--format parquet: vectors of tokens or of all layers are arrays; give npy or pt"
    ),
    "embed {genome} --per-token": "--per-token: the encoder spectrum has no tokens; leave it out",
    "embed {genome} --encoder {model} --per-token --per-chunk": (
        "--per-chunk and --per-token: a file has one kind of rows; give one of the two"
    ),
    "build {genome} --encoder {model} --layer all --index {out}/new": (
        "--layer all: an index has one vector of each genome; give last, a number, mean:A-B or concat:A,B "
        "(`gindex embed` writes all layers to files)"
    ),
}


@pytest.mark.parametrize(("words", "sentence"), REFUSED.items(), ids=REFUSED)
def test_what_cannot_be_asked_for(words, sentence, gindex, model, small_index, six_genomes, tmp_path) -> None:
    names = {"genome": six_genomes[0], "model": model, "index": small_index, "out": tmp_path}
    result = gindex(*words.format(**names).split(), *(["--out", tmp_path] if words[0] == "e" else []))
    assert result.exit_code == 2
    assert sentence.format(**names) in result.stderr
    assert not list(tmp_path.iterdir())


def test_one_kind_of_rows_in_python_too(model, six_genomes, tmp_path) -> None:
    with pytest.raises(UsageError, match="give one of the two"):
        embed_genomes(six_genomes, tmp_path, spec_for(model), per_chunk=True, per_token=True)
