"""The forward strand alone and a plain mean of chunks, beside the seed's own pipeline written as a loop."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from helpers.contigs import bases, genome
from helpers.tiny_model import write_tiny_model

from genome_index import Index, build_index, query_index
from genome_index.encoders import open_encoder, spec_for
from genome_index.encoders.networks.loader import open_model
from genome_index.errors import SpecMismatch, UsageError
from genome_index.index import snapshots
from genome_index.io.sequence import reverse_complement
from genome_index.records import Genome
from genome_index.spec import IndexSpec, Reading

torch.set_num_threads(1)

SEED_READING = Reading(chunks="mean", strands="forward")


@pytest.fixture(scope="module", params=[1, 2], ids=["version 1", "version 2"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("forward") / "model", request.param)


def vector(folder: Path, one: Genome, reading: Reading = SEED_READING) -> np.ndarray:
    encoder = open_encoder(IndexSpec("transformer", str(folder), reading, ""))
    return encoder.features(encoder.encode([one]))[0]


def seed_pipeline(folder: Path, contigs: list[str], chunk_words: int) -> np.ndarray:
    """Each contig in chunks of so many six-mers; last layer, mean over tokens, plain mean over chunks."""
    words = (folder / "vocab.txt").read_text().split()
    number = {word: at for at, word in enumerate(words)}
    network, _ = open_model(folder)
    vectors = []
    for contig in contigs:
        for start in range(0, len(contig), 6 * chunk_words):
            chunk = contig[start : start + 6 * chunk_words]
            tokens = [chunk[at : at + 6] for at in range(0, len(chunk), 6)]
            ids = torch.tensor([[number["<cls>"], *(number[token] for token in tokens)]])
            attention_mask = torch.ones_like(ids, dtype=torch.bool)
            with torch.no_grad():
                *_, last = network.hidden(ids, attention_mask)
            vectors.append(last[0, 1:].mean(0).double().numpy())
    return np.mean(vectors, axis=0)


def test_the_seed_pipeline_gives_the_same_vector(folder: Path) -> None:
    contigs = [bases(6 * 63 * 3, 1), bases(6 * 63, 2), bases(6 * 40, 3)]  # chunks of 63 words, one of 40
    found = vector(folder, genome(*contigs))
    assert np.abs(found - seed_pipeline(folder, contigs, 63)).max() <= 1e-6
    other = Reading(chunks="weighted", strands="forward"), Reading(chunks="mean")
    for reading in other:  # neither the weights nor the other strand are for nothing
        assert np.abs(found - vector(folder, genome(*contigs), reading)).max() > 1e-3


def test_both_strands_are_the_mean_of_the_two(folder: Path) -> None:
    contigs = [bases(6 * 63 * 2, 4), bases(6 * 63, 5)]
    turned = [reverse_complement(one.encode()).decode() for one in contigs]
    one, other = vector(folder, genome(*contigs)), vector(folder, genome(*turned))
    assert np.abs(one - other).max() > 1e-3
    both = vector(folder, genome(*contigs), Reading(chunks="mean"))
    assert np.abs((one + other) / 2 - both).max() <= 1e-6


def test_windows_of_the_forward_strand_alone(folder: Path) -> None:
    one = genome(bases(6 * 630, 6))
    encoder = open_encoder(IndexSpec("transformer", str(folder), Reading(windows=2, strands="forward"), ""))
    (rows,) = encoder.encode([one])
    assert rows[:, 1].tolist() == [0, 0]
    assert rows[:, 2] == pytest.approx(0.2)


def test_no_such_strands() -> None:
    with pytest.raises(UsageError, match=r"^--strands reverse: choose one of: both, forward$"):
        Reading(strands="reverse")


def test_strands_are_frozen_in_an_index(model: str, six_genomes: list[Path], tmp_path: Path) -> None:
    forward, both = (
        spec_for(model, reading=Reading(windows=4, strands=strands)) for strands in ("forward", "both")
    )
    assert forward.fingerprint() != both.fingerprint()
    with pytest.raises(SpecMismatch, match="strands is 'forward' in the index but 'both' here"):
        forward.require(both, "index")
    build_index(six_genomes, tmp_path / "index", spec=forward)
    index = Index.open(tmp_path / "index")
    assert index.spec == forward
    encoder = open_encoder(forward)
    rows = np.concatenate(index.references.raw(range(6)))
    assert set(rows[:, 1].astype(int) % 2) == {0}
    (call,) = query_index(index, six_genomes[:1])
    assert call.hits[0].similarity == pytest.approx(1, abs=1e-5)
    assert encoder.version == index.spec.encoder_version


def test_an_index_of_before_reads_both_strands_with_its_fingerprint(model: str, tmp_path: Path) -> None:
    """Manifests from before lack the setting; those of the same settings are written without it still."""
    spec = spec_for(model, reading=Reading(windows=4))
    values = json.loads(json.dumps(spec.stored()))
    assert sorted(values["reading"]) == ["chunk_tokens", "chunks", "layer", "precision", "tokens", "windows"]
    assert IndexSpec.from_json(values, "index") == spec
    old = {**values, "encoder_version": "0123456789abcdef"}
    del old["model"], old["faiss"], old["keep_sequence"]
    assert (
        IndexSpec.from_json({**values, "encoder_version": "0123456789abcdef"}, "index").fingerprint()
        == snapshots.hashlib.sha256(json.dumps(old, sort_keys=True).encode()).hexdigest()[:12]
    )


def test_the_commands_take_strands(gindex, model: str, six_genomes: list[Path], tmp_path: Path) -> None:
    words = ("--encoder", model, "--strands", "forward", "--windows", "2")
    assert gindex("build", *six_genomes, *words, "--index", tmp_path / "index").exit_code == 0
    assert Index.open(tmp_path / "index").spec.reading.strands == "forward"
    out = tmp_path / "out"
    assert gindex("embed", six_genomes[0], *words, "--out", out, "--format", "npy").exit_code == 0
    assert json.loads((out / "DEMO_0001.json").read_text())["reading"]["strands"] == "forward"
