"""Trained pools: they start as the mean, win only where they can, and are stored in the index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genome_index.index.commit import ChangeSettings

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch  # after the skip
from helpers.simulated import mutated
from helpers.tiny_model import write_tiny_model

from genome_index import Contig, Genome, Index, build_index
from genome_index.encoders import spec_for
from genome_index.encoders.language_model import COLUMNS
from genome_index.encoders.learned_pooling import KINDS, new_pool, open_pool, pool_all, save_pool
from genome_index.encoders.pooling import weighted_chunks
from genome_index.errors import IndexDamaged, UsageError
from genome_index.evaluate.memory_peak import peak_mb, reset_peak
from genome_index.index import build, fit_pooling, merge, pool_training
from genome_index.index.calibration.bootstrap import interval
from genome_index.index.index import undo
from genome_index.index.pool_training import TEMPERATURE, TWIN_WEIGHT, TrainingData, contrast, pooled
from genome_index.io.reader import iter_genomes
from genome_index.spec import IndexSpec, Reading
from genome_index.taxonomy.levels import levels_of

torch.set_num_threads(1)

WIDTH = 16


def rows(vectors: np.ndarray, run: list[int] | None = None, tokens: int = 10) -> np.ndarray:
    """Chunk rows as the encoder returns them."""
    count = len(vectors)
    head = np.column_stack([np.full(count, tokens), run or [0] * count, np.ones(count)])
    return np.hstack([head, vectors]).astype(np.float32)


def some_genomes(count: int = 5) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    found = []
    for number in range(count):
        one = rows(generator.normal(size=(number + 2, WIDTH)), [at // 2 for at in range(number + 2)])
        one[:, 0] = generator.integers(5, 60, len(one))
        found.append(one)
    return found


def moved(kind: str) -> torch.nn.Module:
    """A pool whose weights are no longer those of the mean."""
    torch.manual_seed(1)
    module = new_pool(kind, WIDTH)
    with torch.no_grad():
        for tensor in module.parameters():
            tensor.add_(torch.randn_like(tensor) * 0.5)
    return module.eval()


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_pool_is_the_weighted_mean(kind: str) -> None:
    genomes = some_genomes()
    expected = [weighted_chunks(one[:, COLUMNS:], one[:, 0].astype(np.int64)) for one in genomes]
    assert np.abs(pool_all(new_pool(kind, WIDTH), genomes, COLUMNS) - expected).max() <= 1e-5
    assert np.abs(pool_all(moved(kind), genomes, COLUMNS) - expected).max() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_a_pooled_vector_does_not_depend_on_the_batch_or_the_order_of_runs(kind: str) -> None:
    genomes, module = some_genomes(), moved(kind)
    together = pool_all(module, genomes, COLUMNS)
    alone = np.concatenate([pool_all(module, [one], COLUMNS) for one in genomes])
    assert np.abs(together - alone).max() <= 1e-5
    runs = [np.concatenate([one[one[:, 1] == run] for run in np.unique(one[:, 1])[::-1]]) for one in genomes]
    assert np.abs(together - pool_all(module, runs, COLUMNS)).max() <= 1e-5


def test_a_genome_with_low_scores_is_pooled_as_it_is_alone() -> None:
    generator, module = np.random.default_rng(3), moved("attention")
    low, high = (
        rows(sign + 0.1 * generator.normal(size=(4, WIDTH))) for sign in (-np.arange(WIDTH), np.arange(WIDTH))
    )
    with torch.no_grad():
        module.score.weight.mul_(1_000)  # e to the difference of their scores is nothing in float32
    alone = np.concatenate([pool_all(module, [one], COLUMNS) for one in (low, high)])
    assert np.isfinite(alone).all()
    assert np.abs(pool_all(module, [low, high], COLUMNS) - alone).max() <= 1e-5


def test_a_gru_reads_a_contig_in_order() -> None:
    one = some_genomes()[-1]
    one[:, 1], one[:, 0] = 0, 10
    forward, backward = pool_all(moved("gru"), [one, one[::-1].copy()], COLUMNS)
    assert np.abs(forward - backward).max() > 0.01


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux can forget a peak")
def test_a_gru_needs_memory_for_chunks_not_for_the_longest_run() -> None:
    generator, module = np.random.default_rng(6), new_pool("gru", 1024).eval()
    drafts = [
        rows(generator.normal(size=(229, 1024)), [*[0] * 80, *range(1, 150)]) for _ in range(16)
    ]  # padded to 80 each, their 2,400 runs would take 800 MB
    pool_all(module, drafts[:1], COLUMNS)
    reset_peak()
    before = peak_mb(IndexSpec())
    pool_all(module, drafts, COLUMNS)
    assert peak_mb(IndexSpec()) < before + 300


def test_a_gru_reads_runs_of_different_lengths() -> None:
    module = moved("gru")
    one = rows(np.random.default_rng(5).normal(size=(140, WIDTH)), [*[0] * 40, *range(1, 101)])
    found = pool_all(module, [one], COLUMNS)
    vectors = torch.from_numpy(one[:, COLUMNS:])
    with torch.no_grad():
        states = torch.cat([module.gru(module.norm(vectors[one[:, 1] == run]))[0] for run in range(101)])
        expected = vectors.mean(0) + module.out(states).mean(0)
    assert np.abs(found[0] - expected.numpy()).max() <= 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_a_genome_without_chunks_is_a_row_of_zeros(kind: str) -> None:
    found = pool_all(moved(kind), [some_genomes()[0], np.empty((0, COLUMNS + WIDTH), np.float32)], COLUMNS)
    assert found[0].any()
    assert not found[1].any()


def contrast_by_hand(vectors: torch.Tensor, names: list[int], species: list[int], twin: float) -> float:
    """By plain loops: a mean over positives weighted by species, of rows weighted by their best positive."""
    total, weight_of_rows = 0.0, 0.0
    for at in range(len(names)):
        others = [other for other in range(len(names)) if other != at]
        odds = {other: float(torch.exp(vectors[at] @ vectors[other] / TEMPERATURE)) for other in others}
        positives = [other for other in others if names[other] == names[at]]
        weights = [twin if species[other] == species[at] else 1.0 for other in positives]
        if positives:
            logs = [np.log(odds[other] / sum(odds.values())) for other in positives]
            total -= max(weights) * np.average(logs, weights=weights)
            weight_of_rows += max(weights)
    return total / weight_of_rows


def test_contrast_against_plain_loops() -> None:
    torch.manual_seed(4)
    vectors = torch.nn.functional.normalize(torch.randn(9, 4), dim=1)
    names = [0, 0, 0, 0, 1, 1, 1, 2, 2]
    apart = list(range(9))  # of every name one genome a species: the loss of Khosla et al.
    twins = [0, 0, 0, 1, 2, 3, 3, 4, 4]  # two twins of the third name have each other alone
    losses = []
    for species, twin in ((apart, 1.0), (apart, TWIN_WEIGHT), (twins, TWIN_WEIGHT)):
        found = float(contrast(vectors, torch.tensor(names), torch.tensor(species)))
        assert found == pytest.approx(contrast_by_hand(vectors, names, species, twin), abs=1e-5)
        losses.append(found)
    assert losses[0] == losses[1]
    assert abs(losses[2] - losses[0]) > 0.05
    alone = contrast(vectors[:3], torch.arange(3), torch.arange(3))
    assert float(alone) == 0


def test_a_twin_counts_a_quarter_of_another_species() -> None:
    """A row with a positive of each kind: its pull on the twin is a quarter of that on the other."""
    logits = torch.tensor([0.0, 0.0, 0.0], requires_grad=True)
    vectors = torch.eye(4)[:3] + 0 * logits[:, None]
    vectors.retain_grad()
    contrast(vectors, torch.tensor([0, 0, 0]), torch.tensor([0, 0, 1])).backward()
    # Rows 0 and 1 have a twin and row 2 has none; all similarities are 0, so that p is 1/2 for each.
    pull = TEMPERATURE * 3 * vectors.grad  # of three rows of weight 1
    assert TWIN_WEIGHT == 0.25
    assert pull[0, 1].item() == pytest.approx(2 * (0.5 - 0.2))  # a twin has 0.25 of 1.25, and is pushed
    assert pull[0, 2].item() == pytest.approx((0.5 - 0.8) + (0.5 - 0.5))


def test_the_interval_is_over_species_not_genomes() -> None:
    difference = np.array([1.0] * 50 + [0.0] * 50)
    low, high = interval(difference, np.arange(100))
    assert low == pytest.approx(0.40, abs=0.02)
    assert high == pytest.approx(0.60, abs=0.02)
    low, high = interval(difference, np.repeat([0, 1], 50))  # two species are not enough
    assert (low, high) == (0.0, 1.0)


def material(hidden: bool) -> TrainingData:
    """40 genera of 12 species, which differ in one chunk of eight, or in all of them."""
    generator = np.random.default_rng(0)
    names = np.repeat(np.arange(40), 12)
    signal = generator.normal(size=(40, WIDTH - 1))
    chunks = []
    for name in names:
        vectors = generator.normal(size=(8, WIDTH)) * (3.0 if hidden else 1.0)
        vectors[:, -1] = -2
        informative = slice(3, 4) if hidden else slice(0, 8)
        vectors[informative, :-1] = (
            signal[name] + generator.normal(size=vectors[informative, :-1].shape) * 0.3
        )
        vectors[informative, -1] = 2  # marks an informative chunk
        chunks.append(rows(vectors))
    part = np.digitize(generator.random(len(names)), fit_pooling.SHARES)
    return TrainingData(chunks, names, np.arange(len(names)), part)


@pytest.mark.long
def test_a_pool_wins_only_where_few_chunks_are_informative() -> None:
    hidden, plain = material(hidden=True), material(hidden=False)
    report, module = fit_pooling.train_and_test(
        hidden, "genus", ChangeSettings(), pooled(None, hidden.chunks)
    )
    assert report.wins
    assert report.pool_right > report.now_right + 0.2
    again = pooled(module, hidden.chunks)  # what the index has from then on
    report, _ = fit_pooling.train_and_test(
        hidden, "genus", ChangeSettings(), again, fit_pooling.pooling_name("gru:1")
    )
    assert report.now_right == report.pool_right
    assert report.lines()[1].endswith("it does not win, and the gru that was fitted before stays")
    report, _ = fit_pooling.train_and_test(plain, "genus", ChangeSettings(), pooled(None, plain.chunks))
    assert report.now_right > 0.95
    assert not report.wins


# -- in an index ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def neural_index(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit-pool")
    spec = spec_for(str(write_tiny_model(folder / "model")), reading=Reading(windows=6))
    build_index([demo / "genomes"], folder / "index", demo / "taxonomy.tsv", spec=spec)
    return folder / "index"


@pytest.mark.long
def test_a_pool_that_does_not_win_leaves_the_index_unchanged(gindex, neural_index, monkeypatch) -> None:
    monkeypatch.setattr(fit_pooling, "LEAST_TESTED", 3)
    monkeypatch.setattr(fit_pooling, "LEAST_SPECIES", 3)
    monkeypatch.setattr(pool_training, "ROUNDS", 2)
    before = Index.open(neural_index).snapshot
    result = gindex("fit-pool", "--index", neural_index)
    assert result.exit_code == 0
    assert "it does not win, and the mean stays" in result.stderr
    assert f"{neural_index} is unchanged" in result.stderr
    assert Index.open(neural_index).snapshot == before


@pytest.mark.long
def test_a_pool_that_wins_is_stored_and_used_and_can_be_undone(
    neural_index, demo, monkeypatch, tmp_path
) -> None:
    before = Index.open(neural_index)
    module = new_pool("attention", 32)
    with torch.no_grad():
        module.score.weight.normal_()
    report = fit_pooling.PoolReport("genus", "attention", 3, 20, 10, 0.5, 0.9, 0.1, 0.6)
    monkeypatch.setattr(fit_pooling, "train_and_test", lambda *_: (report, module))
    _, summary = fit_pooling.fit_pool(neural_index, "genus", ChangeSettings())
    index = summary.index
    assert index.spec.reading.chunks.startswith("attention:")
    assert index.spec.fingerprint() != before.spec.fingerprint()
    rows = np.arange(60)
    raw = index.references.raw(rows)
    expected = index.model.projection.apply(pool_all(module.eval(), raw, COLUMNS))
    assert np.abs(index.model.vectors.rows() - expected).max() <= 1e-5
    extra = next(iter(iter_genomes([demo / "sample.fasta"], "file")))
    added = build.add(neural_index, [extra], None, ChangeSettings()).index  # goes on with the fitted pool
    assert added.snapshot.genomes == 61
    assert added.spec == index.spec
    merged = merge.merge(tmp_path / "merged", [neural_index], ChangeSettings()).index
    assert merged.spec == index.spec
    assert np.isfinite(merged.references.features(np.arange(61))).all()  # the pool came along
    (pool,) = (tmp_path / "merged" / "pools").iterdir()
    assert merged.damage() == []
    pool.write_bytes(pool.read_bytes()[1:])
    assert merged.damage() == [f"{pool}: does not match its checksum"]
    pool.unlink()
    assert merged.damage() == [f"{pool}: missing"]
    undo(neural_index)
    assert undo(neural_index).spec == before.spec


def test_a_damaged_pool_is_found(tmp_path) -> None:
    name = save_pool(new_pool("gru", WIDTH), "gru", tmp_path)
    assert open_pool(name, tmp_path) is not None
    path = next((tmp_path / "pools").iterdir())
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IndexDamaged, match="the fitted pool is missing or its checksum differs"):
        open_pool(name, tmp_path)


def test_a_genome_without_a_species_name_is_in_the_part_of_its_near_relatives(demo, model, tmp_path) -> None:
    named = {number: next(iter(iter_genomes([demo / "genomes" / f"DEMO_{number:04}.fa.gz"], "file")))
             for number in (1, 2, 4, 15, 17)}  # fmt: skip
    first, *_ = named[1].contigs
    sequences = {
        "twin": mutated(first.sequence, 0.01, 1),
        "cousin": mutated(first.sequence, 0.05, 2),  # 95 % identity
        "far": mutated(first.sequence, 0.25, 3),
        "far_too": mutated(mutated(first.sequence, 0.25, 3), 0.01, 4),
        "both": b"".join(contig.sequence for number in (15, 17) for contig in named[number].contigs),
    }
    genomes = [*named.values(), *(Genome(id_, (Contig(id_, text),), id_) for id_, text in sequences.items())]
    species = dict(zip(sorted(named), ("A a", "A a", "A b", "B c", "B d"), strict=True))
    names = {one.id: species[number] for number, one in named.items()}
    table = ["genome_id\tgenus\tspecies", *(f"{one.id}\tA\t{names.get(one.id, '')}" for one in genomes)]
    (tmp_path / "names.tsv").write_text("\n".join(table) + "\n")
    spec = spec_for(model, reading=Reading(windows=1))
    build_index(genomes, tmp_path / "index", tmp_path / "names.tsv", spec=spec)
    index = Index.open(tmp_path / "index")
    entries = index.catalog.entries()
    level = levels_of([entry.taxon for entry in entries])["species"]
    rows = np.array([entry.row for entry in entries])
    groups = fit_pooling._species_groups(index, level, np.arange(len(entries)), rows)
    of = {entry.id: int(group) for entry, group in zip(entries, groups, strict=True)}
    together = [
        {"DEMO_0001", "DEMO_0002", "twin", "cousin"}, {"DEMO_0004"}, {"far", "far_too"},
        {"DEMO_0015", "DEMO_0017", "both"},
    ]  # fmt: skip
    assert {frozenset(id_ for id_ in of if of[id_] == group) for group in of.values()} == {
        frozenset(ids) for ids in together
    }
    assert sorted(set(of.values())) == [0, 1, 2, 3]
    data = fit_pooling._training_data(index, "genus")
    assert data.species.tolist() == groups.tolist()
    assert len({(int(group), int(part)) for group, part in zip(groups, data.part, strict=True)}) == 4
    nobody = fit_pooling._species_groups(index, None, np.arange(len(entries)), rows)  # without any species
    assert nobody[[entry.id for entry in entries].index("twin")] == nobody[0]


def test_an_index_without_chunks_is_refused(small_index) -> None:
    with pytest.raises(UsageError) as error:
        fit_pooling.fit_pool(small_index, "genus", ChangeSettings())
    assert str(error.value) == (
        f"{small_index}: its encoder is spectrum, which has no chunks to pool; build an index with a "
        "language model (`gindex build --encoder MODEL`)"
    )


def test_too_few_genomes_are_refused(neural_index) -> None:
    with pytest.raises(
        UsageError, match=r"^of the test part, \d+ genomes of \d species have .*; 20 of 10 are needed"
    ):
        fit_pooling.fit_pool(neural_index, "genus", ChangeSettings())
    with pytest.raises(
        UsageError, match="^--rank species: whole species are set apart for the test, so none"
    ):
        fit_pooling.fit_pool(neural_index, "species", ChangeSettings())
    with pytest.raises(UsageError, match="no genome has a name at rank 'tribe'; there are: superkingdom"):
        fit_pooling.fit_pool(neural_index, "tribe", ChangeSettings())
