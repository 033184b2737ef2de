"""Closed-form fit of a profile projection: each step against plain loops."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from genome_index.encoders import PROFILE, open_encoder, spec_for
from genome_index.encoders.profile import (
    CARD,
    WEIGHTS,
    Profile,
    ProfileConfig,
    dequantised,
    quantised,
    write_profile,
)
from genome_index.errors import ModelError, UsageError
from genome_index.index.vectors.projection import fit_projection
from genome_index.lab.corpus.build import build_corpus
from genome_index.lab.corpus.split import SplitPlan
from genome_index.lab.training.fit_profile import (
    FitPlan,
    discriminant,
    fit_profile,
    noise,
    principal,
    scatter_within,
    without,
)
from genome_index.spec import NO_PROJECTION, Reading

SMALL = FitPlan(dim=32, components=40, lengths_bp=(500, 2000))


@pytest.fixture(scope="module")
def corpus(demo_corpus: Path) -> Path:
    return demo_corpus


@pytest.fixture(scope="module")
def fitted(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("model") / "small"
    fit_profile(corpus, out, SMALL)
    return out


def rows(count: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


# -- its steps ----------------------------------------------------------------------------------------------


def test_what_was_taken_out_is_gone_and_the_rest_is_as_it_was() -> None:
    some, gone = rows(20, 9), rows(2, 9, 1)
    left = without(some.copy(), gone)
    np.testing.assert_allclose(left @ gone.T, 0, atol=1e-5)
    np.testing.assert_allclose(without(left.copy(), gone), left, atol=1e-5)
    beside = np.linalg.svd(gone)[2][2:]  # an orthonormal basis of what is orthogonal to both
    np.testing.assert_allclose(left @ beside.T, some @ beside.T, atol=1e-5)


def test_components_are_those_of_a_singular_value_decomposition() -> None:
    some = rows(12, 30) + 3  # about 0, not about the mean: the first component is the mean's
    basis, variances = principal(some, 5)
    _, values, axes = np.linalg.svd(some, full_matrices=False)
    np.testing.assert_allclose(variances, values[:5] ** 2 / 12, rtol=1e-4)
    np.testing.assert_allclose(np.abs((basis * axes[:5].T).sum(axis=0)), 1, atol=1e-4)


def test_genomes_that_are_all_alike_have_one_component() -> None:
    basis, variances = principal(np.ones((6, 8), np.float32), 5)
    assert basis.shape == (8, 1)
    assert len(variances) == 1


def test_scatter_within_genera_is_that_of_plain_loops() -> None:
    some = rows(11, 4)
    genera = np.array(["A", "A", "A", "A", "B", "B", "B", "", "", "C", "C"])
    species = np.array([1, 1, 2, 3, 4, 5, 5, 6, 7, 8, 8])  # C has one species, and "" is no genus
    total, weight = np.zeros((4, 4)), 0.0
    for kinds in ([[0, 1], [2], [3]], [[4], [5, 6]]):
        means = [some[own].mean(axis=0) for own in kinds]
        middle = sum(means) / len(means)
        for one in means:
            total += np.outer(one - middle, one - middle) / np.sqrt(len(kinds))
        weight += (len(kinds) - 1) / np.sqrt(len(kinds))
    np.testing.assert_allclose(scatter_within(some, genera, species), total / weight, rtol=1e-5)


def test_noise_is_what_fragments_differ_by_however_they_come() -> None:
    whole, cut = rows(7, 3), rows(7, 3, 1)
    expected = sum(np.outer(b - a, b - a) for a, b in zip(whole, cut, strict=True)) / 7
    for blocks in ([cut], [cut[:2], cut[2:]]):
        np.testing.assert_allclose(noise(whole, iter(blocks)), expected, rtol=1e-5)


@pytest.mark.parametrize("whitening", [0.0, 0.5])
def test_the_discriminant_solves_its_generalised_eigenproblem(whitening: float) -> None:
    linalg = pytest.importorskip("scipy.linalg", reason="the extra neural is not installed")
    some, variances = rows(40, 6).astype(float), np.array([9.0, 7, 5, 3, 2, 1])
    within = some.T @ some / 40
    found = discriminant(within, variances, FitPlan(dim=4, components=6, ridge=0.2, whitening=whitening))
    ridge = 0.2 * np.trace(within) / 6 * np.eye(6)
    values, axes = linalg.eigh(np.diag(variances), within + ridge)
    expected = axes[:, ::-1][:, :4] * values[::-1][:4] ** (-whitening / 2)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-6)


# -- four bits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [8, 7])
def test_four_bits_keep_a_weight_to_half_a_level(words: int) -> None:
    matrix = rows(5, words)
    matrix[2] = 0
    levels, scale = quantised(matrix)
    again = dequantised(levels, scale, words)
    assert levels.nbytes == 5 * 4
    inside = np.abs(matrix) <= 7 * scale[:, None]
    assert (np.abs(again - matrix) <= scale[:, None] * 0.5001)[inside].all()
    np.testing.assert_allclose(
        np.abs(again)[~inside], np.broadcast_to(7 * scale[:, None], again.shape)[~inside]
    )


def test_a_folder_of_four_bits_reads_like_one_of_32(tmp_path: Path) -> None:
    weights = {"last.weight": rows(50, 6).T, "last.bias": np.zeros(6, np.float32)}  # transposed in memory
    for bits in (0, 4):
        write_profile(ProfileConfig(kmers=50, dim=6, bits=bits), weights, tmp_path / str(bits))
    full, small = (Profile.load(tmp_path / str(bits)).apply(rows(9, 50, 3)) for bits in (0, 4))
    assert np.sum(full * small, axis=1).mean() > 0.97
    matrix = Profile.load(tmp_path / "0").weights["last.weight"]
    np.testing.assert_array_equal(matrix, weights["last.weight"])
    assert (full != small).any()


def test_four_bits_of_another_shape_are_reported(tmp_path: Path) -> None:
    weights = {"last.weight": rows(6, 50), "last.bias": np.zeros(6, np.float32)}
    write_profile(ProfileConfig(kmers=50, dim=6, bits=4), weights, tmp_path)
    card = (tmp_path / CARD).read_text()
    (tmp_path / CARD).write_text(card.replace('"words": 50', '"words": 60'))
    with pytest.raises(ModelError, match=r"last\.weight is missing in its weights, or not \(6, 60\)"):
        Profile.load(tmp_path)


# -- the whole ----------------------------------------------------------------------------------------------


def test_the_same_corpus_gives_the_same_file(corpus: Path, fitted: Path, tmp_path: Path) -> None:
    fit_profile(corpus, tmp_path, SMALL)
    assert (tmp_path / WEIGHTS).read_bytes() == (fitted / WEIGHTS).read_bytes()


def test_its_folder_is_an_encoder_whose_vectors_are_taken_as_they_come(fitted: Path) -> None:
    spec = spec_for(str(fitted))
    assert (spec.encoder, spec.model, spec.dim) == (PROFILE, str(fitted), NO_PROJECTION)
    assert open_encoder(spec).version == Profile.load(fitted).version
    with pytest.raises(UsageError, match="has no layers, tokens or windows"):
        spec_for(str(fitted), reading=Reading(windows=3))


def test_a_collection_that_is_left_out_changes_nothing_by_being_there(demo: Path, tmp_path: Path) -> None:
    """Of two folders, one left out: the same as if the other were all there is."""
    genomes = sorted((demo / "genomes").iterdir())
    for folder, some in (("one", genomes[:12]), ("other", genomes[12:20])):
        (tmp_path / folder).mkdir()
        for path in some:
            (tmp_path / folder / path.name).symlink_to(path)
    folders, taxonomy = [str(tmp_path / name) for name in ("one", "other")], demo / "taxonomy.tsv"
    found = []
    for given, leave_out in ((folders, ("other",)), (folders[:1], ())):
        corpus = tmp_path / f"corpus{len(given)}"
        build_corpus(given, corpus, taxonomy, split=SplitPlan(test=0, validation=0))
        fit_profile(corpus, tmp_path / "out", replace(SMALL, leave_out=leave_out))
        found.append(Profile.load(tmp_path / "out").weights["last.weight"])
    np.testing.assert_array_equal(*found)
    with pytest.raises(UsageError, match="--leave-out third: no genome is of that collection"):
        fit_profile(tmp_path / "corpus2", tmp_path / "out", replace(SMALL, leave_out=("third",)))


def test_without_enough_to_learn_from_it_says_so(demo: Path, tmp_path: Path) -> None:
    few = [str(path) for path in sorted((demo / "genomes").iterdir())[:2]]
    build_corpus(few, tmp_path / "corpus", demo / "taxonomy.tsv", split=SplitPlan(test=0, validation=0))
    with pytest.raises(UsageError, match="2 genomes for train; at least three are required"):
        fit_profile(tmp_path / "corpus", tmp_path / "out")


@pytest.mark.long
def test_the_command_fits_and_the_index_built_with_it_answers(
    corpus: Path, demo: Path, tmp_path: Path
) -> None:
    from gindex_cli import app

    run = CliRunner()
    model, index = str(tmp_path / "model"), str(tmp_path / "index")
    done = run.invoke(app, ["lab", "fit", str(corpus), "--out", model, "--dim", "32"])
    assert done.exit_code == 0, done.output
    taxonomy = str(demo / "taxonomy.tsv")
    genomes = str(demo / "genomes")
    built = run.invoke(app, ["build", genomes, "--index", index, "--taxonomy", taxonomy, "--encoder", model])
    assert built.exit_code == 0, built.output
    first = str(sorted((demo / "genomes").iterdir())[0])
    asked = run.invoke(app, ["query", first, "--index", index, "--format", "tsv"])
    assert "\tspecies\t" in asked.output


def test_a_projection_that_was_not_fitted_changes_nothing() -> None:
    some = rows(5, 4) / np.linalg.norm(rows(5, 4), axis=1, keepdims=True)
    np.testing.assert_allclose(fit_projection(some.copy(), NO_PROJECTION, 0.0).apply(some), some, atol=1e-6)
    assert np.abs(fit_projection(some.copy(), 4, 0.0).apply(some) - some).max() > 0.1
