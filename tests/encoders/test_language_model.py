"""Language models as encoders: chunks on both strands, batches, layers, pooling, queries."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from helpers.contigs import bases, genome
from helpers.tiny_model import write_tiny_model  # after the skip

from genome_index import Index, build_index, query_index
from genome_index.encoders import batching as batches
from genome_index.encoders import open_encoder, spec_for
from genome_index.encoders.batching import Device, similar_lengths
from genome_index.encoders.chunk_grid import grid_of
from genome_index.encoders.layer_choice import Layers, parse_layers
from genome_index.encoders.out_of_memory import is_out_of_memory
from genome_index.encoders.pooling import TOKEN_POOLS, plain_chunks, weighted_chunks
from genome_index.encoders.tokenizers.sixmers import SixMers
from genome_index.errors import GindexError, ModelError, SpecMismatch, UsageError
from genome_index.io.reader import iter_genomes
from genome_index.io.sequence import reverse_complement
from genome_index.records import Contig, Genome
from genome_index.spec import IndexSpec, Reading

torch.set_num_threads(1)


@pytest.fixture(scope="session", params=[1, 2], ids=["version 1", "version 2"])
def either_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("either") / "model", request.param)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


def vectors(folder: Path, *genomes: Genome, reading: Reading | None = None) -> np.ndarray:
    encoder = open_encoder(IndexSpec("transformer", str(folder), reading or Reading(), ""))
    return encoder.features(encoder.encode(genomes))


READINGS = {
    "default": Reading(),
    "layer 0": Reading(layer="0"),
    "mean of layers": Reading(layer="mean:0-2"),
    "layers joined": Reading(layer="concat:1,2"),
    "max": Reading(tokens="max"),
    "cls": Reading(tokens="cls"),
    "gem": Reading(tokens="gem"),
    "plain chunks": Reading(chunks="mean"),
    "windows": Reading(windows=3),
    "short chunks": Reading(chunk_tokens=7),
}


@pytest.fixture(params=READINGS.values(), ids=READINGS)
def reading(request: pytest.FixtureRequest) -> Reading:
    return request.param


CONTIGS = (bases(1500, 1), bases(700, 2) + "NNNNRY" + bases(333, 3), bases(100, 4), bases(25, 5))


def test_strand_never_changes_a_vector(either_model: Path, reading: Reading) -> None:
    turned = [reverse_complement(one.encode()).decode() for one in CONTIGS]
    a, b = vectors(either_model, genome(*CONTIGS), genome(*turned), reading=reading)
    assert np.abs(a - b).max() <= 1e-5
    assert np.abs(a).max() > 0.01


def test_order_case_and_u_never_change_a_vector(model: Path, reading: Reading) -> None:
    other = [one.swapcase().replace("t", "u") for one in reversed(CONTIGS)]
    a, b = vectors(model, genome(*CONTIGS), genome(*other), reading=reading)
    assert np.abs(a - b).max() <= 1e-5


def test_batches_and_their_order_never_change_a_vector(model: Path, reading: Reading, monkeypatch) -> None:
    some = [genome(bases(200 + 137 * seed, seed)) for seed in range(9)]
    together = vectors(model, *some, reading=reading)
    assert np.abs(vectors(model, *some[::-1], reading=reading)[::-1] - together).max() <= 1e-5
    monkeypatch.setattr(batches, "CPU_TOKENS", 1)  # one chunk a batch: nothing is padded
    alone = np.concatenate([vectors(model, one, reading=reading) for one in some])
    assert np.abs(alone - together).max() <= 1e-5


def test_half_precision_is_near_and_knows_neither_strand_nor_order(either_model: Path) -> None:
    contigs = [bases(300 + 60 * (number % 5), number) for number in range(20)]  # equal ones straddle batches
    turned = [reverse_complement(one.encode()).decode() for one in reversed(contigs)]
    half = Reading(precision="bfloat16")
    one, other = (vectors(either_model, genome(*some), reading=half) for some in (contigs, turned))
    assert np.abs(one - other).max() <= 1e-6
    full = vectors(either_model, genome(*contigs))
    assert 1e-5 < np.abs(one - full).max() < 0.05 * np.abs(full).max()


def test_n_joins_nothing(model: Path) -> None:
    left, right = bases(400, 1), bases(400, 2)
    a, b, c = vectors(model, genome(left + "N" * 50 + right), genome(left, right), genome(left + right))
    assert np.abs(a - b).max() <= 1e-5
    assert np.abs(a - c).max() > 1e-3


def test_nothing_to_read_is_a_row_of_zeros(model: Path) -> None:
    nothing, something = vectors(model, genome("N" * 100, "ACG"), genome(bases(100)))
    assert not nothing.any()
    assert something.any()
    assert vectors(model, genome("ACG")).shape == (1, 32)


def test_a_vector_is_the_mean_over_both_strands_computed_by_hand(model: Path) -> None:
    """The dull way: one chunk at a time, no batches, no mask."""
    from genome_index.encoders.networks.loader import open_model

    network, _ = open_model(model)
    words, total, tokens = SixMers(2), np.zeros(32), 0
    sequence = bases(1000, 7).encode()
    for strand in (sequence, reverse_complement(sequence)):
        for ids in np.array_split(words.token_ids(strand), 3):  # 170 words in chunks of 63 at most
            row = torch.tensor([[3, *ids.tolist()]])
            with torch.inference_mode():
                *_, last = network.hidden(row, torch.ones_like(row, dtype=torch.bool))
            total += last[0, 1:].sum(0).double().numpy()
            tokens += len(ids)
    assert np.abs(vectors(model, genome(sequence.decode()))[0] - total / tokens).max() <= 1e-5


# -- chunks --------------------------------------------------------------------------------------------------


def test_chunks_hold_every_word_and_cross_nothing() -> None:
    words = SixMers(2)
    grid = grid_of(genome(*CONTIGS), words, 50)
    assert grid.tokens.max() <= 50
    assert grid.share_read == 1.0
    stretches = [bases(1500, 1), bases(700, 2), bases(333, 3), bases(100, 4), bases(25, 5)]
    for strand in (0, 1):
        found = [
            tuple(
                np.concatenate(
                    [ids for ids, run in zip(grid.ids, grid.run, strict=True) if run == 2 * contig + strand]
                )
            )
            for contig in range(4)
        ]
        pieces = [stretches[:1], stretches[1:3], stretches[3:4], stretches[4:]]
        if strand:
            pieces = [
                [reverse_complement(one.encode()).decode() for one in reversed(some)] for some in pieces
            ]
        assert found == [
            tuple(np.concatenate([words.token_ids(one.encode()) for one in some])) for some in pieces
        ]


def test_chunks_of_a_stretch_are_of_one_size() -> None:
    grid = grid_of(genome(bases(6 * 101)), SixMers(2), 50)
    assert grid.tokens.tolist() == [34, 34, 33] * 2


def test_windows_are_even_and_their_share_is_reported() -> None:
    grid = grid_of(genome(bases(6 * 500, 1), bases(6 * 500, 2)), SixMers(2), 10, windows=5)
    assert len(grid.ids) == 10
    assert grid.share_read == pytest.approx(0.05)
    assert grid_of(genome(bases(600)), SixMers(2), 10, windows=99).share_read == 1.0


def test_windows_keep_the_contigs_number_and_let_the_rest_go() -> None:
    one = genome(bases(600, 1), bases(1500, 2), bases(6000, 3))
    whole, some = (grid_of(one, SixMers(2), 50, windows) for windows in (0, 6))
    longest = {int(run) // 2 for run, ids in zip(whole.run, whole.ids, strict=True) if len(ids) == 50}
    assert 2 in longest
    for run, ids in zip(some.run.tolist(), some.ids, strict=True):
        assert ids.base is None
        assert any(
            np.array_equal(ids, other) for at, other in zip(whole.run, whole.ids, strict=True) if at == run
        )


def test_windows_of_rna_are_those_of_dna() -> None:
    contigs = [bases(600, seed) for seed in range(6)]
    dna, rna = (
        grid_of(genome(*some), SixMers(2), 10, 4)
        for some in (contigs, [one.replace("T", "U") for one in contigs])
    )
    assert all(np.array_equal(a, b) for a, b in zip(dna.ids, rna.ids, strict=True))


def test_of_nothing_nothing_is_read() -> None:
    assert list(batches.run([], SixMers(2), Device("cuda", 0), lambda *_: None, "model")) == []


# -- batches -------------------------------------------------------------------------------------------------


def test_batches_hold_each_chunk_once_within_their_budget_and_hardly_padded() -> None:
    lengths = np.random.default_rng(0).integers(1, 300, 2000)
    found = list(similar_lengths(lengths, 4000, 1024))
    assert sorted(np.concatenate(found).tolist()) == list(range(2000))
    for rows in found[:-1]:
        padded = len(rows) * lengths[rows].max()
        assert 1024 <= padded <= 4000
        assert padded - lengths[rows].sum() <= padded / 16 or padded < 1024 + lengths[rows].max()


def test_a_chunk_larger_than_the_budget_goes_alone() -> None:
    assert [rows.tolist() for rows in similar_lengths(np.array([5, 50, 5]), 10, 10)] == [[1], [0, 2]]


def run_with_memory_for(most: int, chunks: list[np.ndarray], device: Device) -> list[int]:
    """Tokens of each batch that succeeded, where a batch of more tokens runs out of memory."""

    def step(ids, mask, real):
        if ids.numel() > most:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"
            )
        return torch.full((len(ids),), ids.numel())

    found = list(batches.run(chunks, SixMers(2), device, step, "model"))
    assert sorted(np.concatenate([rows for rows, _ in found]).tolist()) == list(range(len(chunks)))
    return [int(tokens[0]) for _, tokens in found]


def test_out_of_memory_halves_the_batch_and_continues() -> None:
    chunks = [np.full(9, 7, np.int64)] * 64
    device = Device("cpu", 640)
    assert run_with_memory_for(100, chunks, device) == [80] * 8
    assert device.tokens == 80


STARVED = """
import resource, sys
import numpy as np, torch
from genome_index.encoders import batching, language_model
from genome_index.encoders.loaded_model import load
from genome_index.spec import Reading

it = load(sys.argv[1], Reading())
chunks = [np.full(60, 6 + at, np.int64) for at in range(300)]
encoder = language_model.Transformer(sys.argv[1], Reading())

def read(tokens):
    it.device.tokens = tokens
    done = list(batching.run(chunks, it.tokenizer, it.device, encoder.pooled, "model"))
    rows = np.concatenate([rows for rows, _ in done])
    return np.concatenate([vectors for _, vectors in done])[np.argsort(rows)]

with torch.inference_mode():
    right = read(1_000)
    taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + 160_000_000, resource.RLIM_INFINITY))
    starved = read(18_300)
print(it.device.tokens, float(np.abs(starved - right).max()))
"""


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is bounded as Linux does it")
def test_memory_that_really_runs_out_halves_the_batch_too(tmp_path: Path) -> None:
    folder = write_tiny_model(
        tmp_path / "model", width=512
    )  # 18,300 tokens take 150 MB for the widest tensor
    done = subprocess.run(
        [sys.executable, "-c", STARVED, str(folder)], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    tokens, difference = done.stdout.split()
    assert int(tokens) < 18_300
    assert float(difference) < 1e-4


def test_a_batch_is_begun_before_the_one_before_is_handed_out() -> None:
    """So a GPU has work while that one is looked at and the next is padded."""
    chunks, happened = [np.full(length, 7, np.int64) for length in (60, 40, 20)], []

    def step(ids, mask, real):
        happened.append(f"begun {ids.shape[1] - 1}")
        return real.sum(1)

    for _, tokens in batches.run(chunks, SixMers(2), Device("cpu", 1), step, "model"):
        happened.append(f"found {int(tokens[0])}")
    assert happened == ["begun 60", "begun 40", "found 60", "begun 20", "found 40", "found 20"]


def test_a_mask_continuesly_with_what_is_padded() -> None:
    lengths, seen = (60, 60, 40, 39), []

    def step(ids, mask, real):
        seen.append((ids.shape[1] - 1, mask is not None))
        return real.sum(1)

    chunks = [np.full(length, 7, np.int64) for length in lengths]
    assert (
        sum(len(rows) for rows, _ in batches.run(chunks, SixMers(2), Device("cpu", 122), step, "model")) == 4
    )
    assert seen == [(60, False), (40, True)]


def test_one_chunk_that_does_not_fit_is_reported() -> None:
    with pytest.raises(ModelError) as error:
        run_with_memory_for(9, [np.full(9, 7, np.int64)], Device("cpu", 640))
    assert str(error.value) == (
        "model: a single chunk of 10 tokens does not fit into the memory of cpu "
        "([enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory); "
        "give fewer with --chunk-tokens, or choose a smaller model"
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you "
         "tried to allocate 8589934592 bytes. Error code 12 (Cannot allocate memory)", "8589934592 bytes"),
        ("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 8 GiB", "2.50 GiB"),
    ],
)  # fmt: skip
def test_how_much_was_asked_for_is_reported(said: str, told: str) -> None:
    def step(ids, mask, real):
        raise RuntimeError(said)

    with pytest.raises(ModelError, match=rf"the memory of cpu \({told} more were required\); give fewer"):
        list(batches.run([np.full(9, 7, np.int64)], SixMers(2), Device("cpu", 640), step, "model"))


@pytest.mark.parametrize(
    "said",
    [
        "CUDA error: out of memory",
        "CUDA driver error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "could not create a primitive",
    ],
)
def test_what_libraries_say_of_memory_is_understood(said: str) -> None:
    assert is_out_of_memory(RuntimeError(said))


def test_other_errors_are_not_taken_for_memory() -> None:
    def step(ids, mask, real):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        list(batches.run([np.full(9, 7, np.int64)], SixMers(2), Device("cpu", 640), step, "model"))


# -- layers and pooling --------------------------------------------------------------------------------------

LAYERS = {
    "last": Layers((4,)),
    "0": Layers((0,)),
    "-1": Layers((4,)),
    "mean:1-3": Layers((1, 2, 3)),
    "mean:-3--1": Layers((2, 3, 4)),
    "concat:4,1": Layers((1, 4), joined=True),
}


@pytest.mark.parametrize(("text", "expected"), LAYERS.items(), ids=LAYERS)
def test_layers(text: str, expected: Layers) -> None:
    assert parse_layers(text, 4) == expected


FORMS = "this names no layers; give last, a number from 0 to 4, mean:A-B with A below B, or concat:A,B"
NO_LAYERS = {
    "5": "--layer 5: there is no layer 5; this model has 0 (the embedding layer) to 4",
    "-6": "--layer -6: there is no layer -6; this model has 0 (the embedding layer) to 4",
    "concat:1,9": "--layer concat:1,9: there is no layer 9; this model has 0 (the embedding layer) to 4",
    "mean:3-1": f"--layer mean:3-1: {FORMS}",
    "best": f"--layer best: {FORMS}",
}


@pytest.mark.parametrize(("text", "sentence"), NO_LAYERS.items(), ids=NO_LAYERS)
def test_no_such_layers(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_layers(text, 4)
    assert str(error.value) == sentence


def test_token_pools_against_plain_numpy() -> None:
    states = torch.randn(2, 5, 3)
    real = torch.tensor([[False, True, True, False, False], [False, True, True, True, True]])
    for row, kept in ((0, slice(1, 3)), (1, slice(1, 5))):
        own = states[row, kept].numpy()
        cubes = (own**3).mean(0)
        expected = {
            "mean": own.mean(0), "max": own.max(0), "cls": states[row, 0].numpy(),
            "gem": np.sign(cubes) * np.abs(cubes) ** (1 / 3),
        }  # fmt: skip
        assert expected.keys() == TOKEN_POOLS.keys()
        for name, pool in TOKEN_POOLS.items():
            assert np.abs(pool(states, real)[row].numpy() - expected[name]).max() <= 1e-5


def test_chunk_pools() -> None:
    chunks, tokens = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32), np.array([30, 10])
    assert weighted_chunks(chunks, tokens).tolist() == [0.75, 0.25]
    assert plain_chunks(chunks, tokens).tolist() == [0.5, 0.5]


# -- settings and their errors -------------------------------------------------------------------------------


def test_all_of_the_reading_and_the_weights_are_in_the_fingerprint(model: Path, tmp_path: Path) -> None:
    specs = [spec_for(str(model), reading=reading) for reading in READINGS.values()]
    specs.append(spec_for(str(write_tiny_model(tmp_path / "other", width=64))))
    assert len({spec.fingerprint() for spec in specs}) == len(specs)
    assert replace(specs[0], model="elsewhere").fingerprint() == specs[0].fingerprint()


BAD_READINGS = {
    "layer": (
        Reading(layer="9"),
        "--layer 9: there is no layer 9; this model has 0 (the embedding layer) to 2",
    ),
    "chunk tokens": (
        Reading(chunk_tokens=64),
        "{model}: --chunk-tokens 64 and 1 special token are more than the 64 that this model reads at once; "
        "give at most 63",
    ),
}


@pytest.mark.parametrize(("reading", "sentence"), BAD_READINGS.values(), ids=BAD_READINGS)
def test_a_reading_that_the_model_cannot_do(model: Path, reading: Reading, sentence: str) -> None:
    with pytest.raises(GindexError) as error:
        vectors(model, genome(bases(100)), reading=reading)
    assert str(error.value) == sentence.format(model=model)


@pytest.mark.parametrize("version", [1, 2])
def test_a_first_token_that_sees_nothing_is_refused(tmp_path: Path, version: int) -> None:
    folder = write_tiny_model(tmp_path / "model", version)
    with pytest.raises(UsageError) as error:
        vectors(folder, genome(bases(100)), reading=Reading(tokens="cls", layer="0"))
    assert str(error.value) == (
        f"{folder}: in this layer its first token does not depend on those after it (layer 0, or a model "
        "that reads from left to right), so cls would be the same for all genomes; choose mean"
    )
    assert vectors(folder, genome(bases(100)), reading=Reading(tokens="cls", layer="concat:0,1")).any()


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_an_error(tmp_path: Path, broken: float) -> None:
    from safetensors.torch import load_file, save_file

    folder = write_tiny_model(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    weights["esm.encoder.layer.1.attention.self.query.bias"][3] = broken
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(ModelError) as error:
        vectors(folder, genome(bases(100)))
    assert str(error.value) == (
        f"{folder}: its vectors are NaN or infinite, so its weights are damaged or it needs more precision; "
        "give --precision float32, or download the model again"
    )


def test_a_model_is_found_again_from_elsewhere(model: Path, monkeypatch) -> None:
    monkeypatch.chdir(model.parent)
    spec = spec_for("./model")
    monkeypatch.chdir("/")
    assert spec.model == str(model)
    assert open_encoder(spec).encode([genome(bases(100))])[0].any()


@pytest.mark.parametrize("name", ["", "{model}/config.json"])
def test_what_is_no_folder_of_a_model(model: Path, name: str) -> None:
    with pytest.raises(
        UsageError, match="^no encoder is called ''" if not name else "it is a file; give a folder"
    ):
        spec_for(name.format(model=model))


def test_a_fitted_pool_is_no_beginning(model: Path) -> None:
    with pytest.raises(
        UsageError, match="^--chunk-pool attention:64: choose one of: weighted, mean; attention and"
    ):
        spec_for(str(model), reading=Reading(chunks="attention:64"))


def test_the_precision_of_this_machine_is_kept(model: Path) -> None:
    usual = "bfloat16" if torch.cuda.is_available() else "float32"
    assert spec_for(str(model)).reading.precision == usual
    assert (
        spec_for(str(model)).fingerprint()
        == spec_for(str(model), reading=Reading(precision=usual)).fingerprint()
    )
    assert spec_for(str(model), reading=Reading(precision="bfloat16")).reading.precision == "bfloat16"


def test_no_such_pool() -> None:
    with pytest.raises(UsageError, match=r"^--token-pool sum: choose one of: mean, max, cls, gem$"):
        Reading(tokens="sum")
    with pytest.raises(UsageError, match=r"^--token-pool gru:0123: choose one of: mean, max, cls, gem$"):
        Reading(tokens="gru:0123")
    with pytest.raises(UsageError, match=r"^--precision half: choose one of: auto, float32, bfloat16$"):
        Reading(precision="half")
    with pytest.raises(UsageError, match=r"^--chunk-pool gru: choose one of: weighted, mean; .*fit-pool`$"):
        Reading(chunks="gru")


def test_the_spectrum_has_no_layers() -> None:
    with pytest.raises(UsageError) as error:
        spec_for("spectrum", reading=Reading(layer="3"))
    assert str(error.value) == "--encoder spectrum has no layers, tokens or windows: leave those options out"


def test_another_model_in_the_same_place_is_refused(tmp_path: Path) -> None:
    spec = spec_for(str(write_tiny_model(tmp_path / "model", 2)))
    write_tiny_model(tmp_path / "model", 1)
    with pytest.raises(SpecMismatch, match="the index was built with another model"):
        open_encoder(spec).encode([genome(bases(100))])


# -- the whole way -------------------------------------------------------------------------------------------


def test_build_query_and_refit_with_a_language_model(
    model: Path, demo: Path, six_genomes: list[Path], tmp_path: Path
) -> None:
    spec = spec_for(str(model), reading=Reading(windows=20))
    built = build_index(six_genomes, tmp_path / "index", demo / "taxonomy.tsv", spec=spec)
    assert built.added == 6
    read = 6 * 20 * 63 * 6  # bp: windows of 63 words of six bases
    assert built.share_read == pytest.approx(read / built.base_pairs, abs=0.01)
    assert 0.05 < built.share_read < 0.5
    index = Index.open(tmp_path / "index")
    assert index.spec == spec
    calls = list(query_index(index, six_genomes))
    assert [call.closest.id for call in calls] == [entry.id for entry in index.catalog.entries()]
    assert all(call.closest.similarity == pytest.approx(1, abs=1e-5) for call in calls)
    shutil_model = json.loads((tmp_path / "index" / "snapshots" / "000001" / "manifest.json").read_text())
    assert shutil_model["spec"]["reading"]["windows"] == 20


def test_a_query_without_anything_to_read_is_reported_so(
    model: Path, six_genomes: list[Path], tmp_path: Path
) -> None:
    build_index(six_genomes, tmp_path / "index", spec=spec_for(str(model)))
    (call,) = query_index(tmp_path / "index", [genome((bases(15, 1) + "N") * 100)])
    said = "it has nothing that a language model reads, no stretch of 20 bases without an N"
    assert f"{said}: the vector is zero, similarities are meaningless" in call.warnings


def test_what_a_language_model_cannot_read_is_not_taken_in(
    gindex, six_genomes: list[Path], tmp_path: Path
) -> None:
    torn, index, folder = tmp_path / "torn.fa", tmp_path / "index", write_tiny_model(tmp_path / "model")
    torn.write_text(">torn\n" + (bases(15, 1) + "N") * 100 + "\n")
    words = (six_genomes[0], torn, "--genome-per", "file", "--index")
    result = gindex("build", *words, index, "--encoder", folder, "--windows", "5")
    assert result.exit_code == 1
    assert f"failed: {torn}: torn: it has nothing that a language model reads" in result.stderr
    assert [entry.id for entry in Index.open(index).catalog.entries()] == ["DEMO_0001"]
    result = gindex("build", *words, tmp_path / "plain")
    assert result.exit_code == 0  # the spectrum reads it


def test_a_model_is_not_asked_of_an_index_without_one(
    gindex, six_genomes: list[Path], tmp_path: Path
) -> None:
    index = tmp_path / "index"
    build_index(six_genomes[:2], index)
    result = gindex("query", six_genomes[0], "--index", index, "--genome-per", "file", "--model", tmp_path)
    assert result.exit_code == 2
    said = f"--model {tmp_path}: {index} has no language model, its encoder is spectrum"
    assert result.stderr.splitlines()[-1] == f"gindex: {said}"


def test_another_reading_is_reported_by_its_setting(model: Path) -> None:
    one, other = (spec_for(str(model), reading=Reading(layer=layer)) for layer in ("1", "last"))
    with pytest.raises(SpecMismatch, match=r"^x: layer is '1' in the index but 'last' here") as error:
        one.require(other, "x")
    assert (error.value.setting, error.value.mine, error.value.theirs) == ("layer", "1", "last")


def test_what_a_language_model_has_read_is_kept_more_often(model: Path, tmp_path: Path) -> None:
    (tmp_path / "some.fa").write_text("".join(f">g{at}\n{bases(600, at)}\n" for at in range(70)))
    for encoder, segments in ((str(model), 2), ("spectrum", 1)):
        path = tmp_path / Path(encoder).name
        build_index([tmp_path / "some.fa"], path, per="record", spec=spec_for(encoder))
        assert len(list((path / "segments").iterdir())) == segments


@pytest.mark.long
def test_a_model_that_has_moved_is_pointed_at(gindex, six_genomes: list[Path], tmp_path: Path) -> None:
    old, new, index = tmp_path / "old", tmp_path / "new", tmp_path / "index"
    write_tiny_model(old)
    words = ("--index", index, "--genome-per", "file")
    built = gindex("build", *six_genomes[:3], *words, "--encoder", old, "--windows", "5")
    assert built.exit_code == 0
    assert re.search(r"built 3 genomes \(0\.2 Mbp, \d\.\d% of it read in windows\)", built.stderr)
    old.rename(new)
    result = gindex("query", six_genomes[0], *words)
    assert result.exit_code == 2
    assert "there is no such folder" in result.stderr
    result = gindex("query", six_genomes[0], *words, "--model", new, "--format", "jsonl")
    assert result.exit_code == 0
    call = json.loads(result.stdout)
    assert call["closest"]["id"] == "DEMO_0001"
    assert any("rests on" in warning and "reads windows" in warning for warning in call["warnings"])
    drawn = ("draw", "genome", "DEMO_0001", "--index", index, "--out", tmp_path / "pictures")
    assert gindex(*drawn).exit_code == 2
    assert gindex(*drawn, "--model", new).exit_code == 0
    assert gindex("add", six_genomes[3], *words, "--model", new).exit_code == 0
    assert gindex("query", six_genomes[3], *words).exit_code == 0  # the index knows the new place now
    write_tiny_model(tmp_path / "other", version=1)
    result = gindex("query", six_genomes[0], *words, "--model", tmp_path / "other")
    assert result.exit_code == 2
    assert "give that one with --model FOLDER, or build a new index" in result.stderr


@pytest.mark.long
def test_fragments_are_queries_of_a_model_that_has_moved(gindex, demo: Path, tmp_path: Path) -> None:
    old, new, index = tmp_path / "old", tmp_path / "new", tmp_path / "index"
    spec = spec_for(str(write_tiny_model(old)), reading=Reading(windows=1))
    build_index([demo / "genomes"], index, demo / "taxonomy.tsv", spec=spec)
    old.rename(new)
    words = ("evaluate-encoder", "--lengths", "1000", "--index", index)
    assert "there is no such folder" in gindex(*words).stderr
    assert gindex(*words, "--model", new).exit_code == 0


@pytest.mark.long
def test_real_mitogenomes_find_themselves_on_either_strand(
    shared_genomes, model: Path, tmp_path: Path
) -> None:
    wanted = 60
    read = iter_genomes([shared_genomes / "mito.fa.gz"], "record")
    some = [one for one in islice(read, wanted) if isinstance(one, Genome)]
    fasta = tmp_path / "mito.fa"
    records = [f">{one.id}\n{one.contigs[0].sequence.decode()}\n" for one in some]
    fasta.write_text("".join(records))
    spec = spec_for(str(model))
    built = build_index([fasta], tmp_path / "index", shared_genomes / "mito.tsv", "record", spec)
    assert built.added == len(some) > 50
    turned = [
        Genome(one.id, (Contig("turned", reverse_complement(one.contigs[0].sequence)),), "-")
        for one in some[::6]
    ]
    calls = list(query_index(tmp_path / "index", turned))
    assert [call.closest.id for call in calls] == [one.id for one in turned]
    assert all(call.closest.similarity == pytest.approx(1, abs=1e-5) for call in calls)
    assert all(call.closest.evidence.ani > 99.9 for call in calls)
