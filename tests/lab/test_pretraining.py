"""Pretraining and contrastive training of the SLiM Performer: on the demo, killed, and as an encoder."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the extra neural is not installed")
pytest.importorskip("safetensors", reason="the extra neural is not installed")
pytest.importorskip("matplotlib", reason="the extra neural is not installed")
pytest.importorskip("transformers", reason="the extra neural is not installed")

from genome_index import Index, query_index
from genome_index.encoders import open_encoder, spec_for
from genome_index.encoders.checkpoint import (
    SAVED_TOKENIZER,
    digest,
)
from genome_index.encoders.networks.loader import open_model
from genome_index.encoders.networks.performer import PerformerConfig, SlimPerformer
from genome_index.encoders.tokenizers.folder import open_tokenizer
from genome_index.encoders.tokenizers.saved import open_saved_tokenizer
from genome_index.errors import ModelError, UsageError
from genome_index.io.sequence import reverse_complement
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.likelihood.causal_model import open_causal
from genome_index.lab.pairs.disjoint_pairs import Species
from genome_index.lab.performer.exact_gradients import IGNORED
from genome_index.lab.tokenizers.bpe import learn_bpe
from genome_index.lab.tokenizers.kmers import (
    Bases,
    KmersApart,
    KmersOverlapping,
    KnownBases,
    encode,
    save_tokenizer,
    tokenizer_of,
)
from genome_index.lab.tokenizers.special_ids import CLS, MASK, SPECIAL
from genome_index.lab.training.held_out import BITS, NETWORK, baseline_scores, bits_per_base, training_counts
from genome_index.lab.training.model_sizes import model_size, padded, redrawn
from genome_index.lab.training.pretrain import loss_of_step, pretrain
from genome_index.lab.training.run_card import CARD, CURVE
from genome_index.lab.training.runs import CHECKPOINT, VALIDATION
from genome_index.lab.training.token_batches import Batches, masked_tokens, next_tokens
from genome_index.lab.training.train_contrastive import (
    centred,
    contrast,
    drawn_mix,
    mixed_vectors,
    vectors,
)
from genome_index.lab.training.validation import OWN
from genome_index.records import Contig, Genome

torch.set_num_threads(1)

STEPS = 24
OBJECTIVES = ("masked", "next")


@pytest.fixture(scope="module")
def pretrained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pretrained") / "model"
    pretrain(corpus, out, "masked", "tiny", 500, "kmers-apart:3", steps=STEPS, rate=1e-2)
    return out


@pytest.fixture(scope="module")
def trained(corpus: Path, pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "model"
    contrast(corpus, out, "tiny", pretrained, (200, 400), steps=STEPS, rate=3e-3)
    return out


def losses(folder: Path) -> list[float]:
    from safetensors import safe_open

    with safe_open(folder / CHECKPOINT, "pt") as file:
        return file.get_tensor("losses").tolist()


def network(causal: bool = False, seed: int = 0, layers: int = 2) -> SlimPerformer:
    torch.manual_seed(seed)
    sizes = {"width": 16, "layers": layers, "heads": 2, "ffn": 32}
    return SlimPerformer(
        PerformerConfig(tokenizer_of("kmers-apart:3").vocabulary, **sizes, causal=causal)
    ).double()


# -- features -----------------------------------------------------------------------------------------------


def test_random_features_are_drawn_anew_for_each_step() -> None:
    words = tokenizer_of("kmers-apart:3").vocabulary
    model = model_size("tiny").network(words, causal=False, head=False, seed=0, features="favor+")
    drawn = []
    for step in (0, 1, 0):
        redrawn(model, 5, step)
        drawn.append([one.clone() for name, one in model.named_buffers() if name.endswith("directions")])
    assert len(drawn[0]) == 2  # layers
    assert not any(torch.equal(one, other) for one, other in zip(drawn[0], drawn[1], strict=True))
    assert all(torch.equal(one, other) for one, other in zip(drawn[0], drawn[2], strict=True))


def test_other_features_are_trained_and_kept(corpus: Path, tmp_path: Path) -> None:
    words = ("masked", "tiny", 300, "kmers-apart:3")
    pretrain(corpus, tmp_path, *words, steps=STEPS, rate=1e-2, features="favor+")
    found = losses(tmp_path)
    assert np.mean(found[-6:]) < np.mean(found[:6]) - 0.1
    assert json.loads((tmp_path / "config.json").read_text())["features"] == "favor+"
    assert "--features favor+" in (tmp_path / "card.md").read_text()
    with pytest.raises(UsageError, match="no features are called 'cubed'; choose one of: relu, elu"):
        pretrain(corpus, tmp_path / "other", *words, features="cubed")


# -- runs that are killed -----------------------------------------------------------------------------------


def started(words: list[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gindex_cli", "lab", *words]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)


def sha(folder: Path, name: str) -> str:
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


@pytest.mark.long
@pytest.mark.parametrize("what", ["pretrain", "contrast"])
def test_killed_it_ends_on_the_same_bits(what: str, corpus: Path, tmp_path: Path) -> None:
    whole, broken, steps = tmp_path / "whole", tmp_path / "broken", 60
    words = [what, str(corpus), "--size", "tiny", "--length", "400", "--tokenizer", "kmers-apart:3"]
    words += ["--steps", str(steps), *(["--objective", "next"] if what == "pretrain" else [])]

    def go(folder: Path) -> subprocess.Popen[bytes]:
        return started([*words, "--out", str(folder)])

    process = go(broken)
    deadline = time.monotonic() + 120
    while not (broken / CHECKPOINT).exists():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 0 < len(losses(broken)) < steps
    assert not (broken / "model.safetensors").exists()
    assert [one.wait() for one in (go(broken), go(whole))] == [0, 0]
    for name in (CHECKPOINT, "model.safetensors", *([VALIDATION] if what == "pretrain" else [])):
        assert sha(broken, name) == sha(whole, name)


@pytest.mark.long
def test_another_run_is_not_continued(corpus: Path, pretrained: Path, trained: Path) -> None:
    with pytest.raises(UsageError, match="give a new folder"):
        pretrain(corpus, pretrained, "next", "tiny", 500, "kmers-apart:3", steps=STEPS, rate=1e-2)
    with pytest.raises(UsageError, match="give a new folder"):
        contrast(corpus, trained, "tiny", None, (200, 400), "kmers-apart:3", steps=STEPS, rate=3e-3)


# -- what is learned ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_loss_falls_on_the_demo(objective, corpus: Path, tmp_path: Path) -> None:
    card = pretrain(corpus, tmp_path, objective, "tiny", 300, "bases", steps=40, rate=1e-2)
    found = losses(tmp_path)
    assert np.mean(found[-10:]) < np.mean(found[:5]) - 0.1
    assert list(card.scores) == [
        NETWORK[objective], *(f"{BITS}, Markov model of order {order}" for order in range(13)),
        f"{BITS}, context tree weighting, depth 12",
    ]  # fmt: skip
    bits = card.scores[NETWORK[objective]]
    assert 1.5 < bits < 2.1  # the demo is random sequence of some composition
    assert [step for step, _ in card.validation] == list(range(2, 41, 2))
    assert card.validation[-1] == (40, bits)
    assert json.loads((tmp_path / CARD).read_text())["scores"] == card.scores
    assert card.tokens == 40 * 8 * 300
    assert (tmp_path / CURVE).read_bytes().startswith(b"\x89PNG")


@pytest.mark.long
def test_contrast_brings_partners_nearer(corpus: Path, tmp_path: Path) -> None:
    card = contrast(
        corpus, tmp_path, "tiny", None, (400,), "kmers-apart:3", steps=60, rate=1e-2, kind="apart"
    )
    found = losses(tmp_path)
    assert np.mean(found[13:20]) < np.mean(found[:7])  # of the first third: later ones are of mixed vectors
    before, after = (value for name, value in card.scores.items() if "farther" in name)
    assert after > before
    assert card.command.startswith("gindex lab contrast ")


@pytest.mark.long
def test_contrast_brings_places_nearer(corpus: Path, tmp_path: Path) -> None:
    card = contrast(corpus, tmp_path, "tiny", None, (300,), "kmers-overlapping:5", steps=60, rate=1e-2)
    found = losses(tmp_path)
    assert np.mean(found[13:20]) < np.mean(found[:7]) - 0.5
    assert "--pairs homologous" in card.command
    assert {", before" in name for name in card.scores if OWN in name} == {True, False}
    assert json.loads((tmp_path / "config.json").read_text())["places"] is False


def test_long_fragments_give_the_gradients_of_whole_ones(shards: Shards) -> None:
    batches = Batches(shards, "train", KmersApart(3), 600, 2, 0)
    pieces, whole = network(causal=True), network(causal=True)
    loss = loss_of_step(pieces, batches, "next", chunk=64)(5)
    at_once = loss_of_step(whole, batches, "next", chunk=10_000)(5)
    assert isinstance(loss, float)
    at_once.backward()
    assert loss == pytest.approx(at_once.item())
    for one, other in zip(pieces.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(
            one.grad, other.grad, rtol=1e-5, atol=1e-8
        )  # the whole is float32 in its loss


@pytest.mark.parametrize("name", ["bases", "kmers-apart:3", "kmers-overlapping:3"])
def test_bits_a_base_are_those_of_whole_fragments(name: str, shards: Shards) -> None:
    """Token by token, among the tokens of bases; the demo's validation fragments are made to hold N."""
    words = tokenizer_of(name)
    batches = Batches(shards, "validation", words, 700, 16, 0)
    draws = [batches.at(2**32 + step) for step in range(4)]
    n = words.vocabulary - 1
    for ids, _ in draws:
        ids[:, 100:103] = n
    batches = SimpleNamespace(tokenizer=words, size=16, at=lambda step: draws[step - 2**32])
    torch.manual_seed(0)
    sizes = {"width": 16, "layers": 1, "heads": 2, "ffn": 16}
    model = SlimPerformer(PerformerConfig(words.vocabulary, **sizes)).double()
    nats, bases = 0.0, 0
    for ids, _ in draws:
        inputs = np.concatenate([np.full((16, 1), CLS), ids[:, :-1]], 1)
        logits = model.logits(model(torch.from_numpy(inputs)))[..., 4:n]
        chances = logits.log_softmax(-1).detach()
        for row, one in zip(ids, chances, strict=True):
            for at in np.flatnonzero(row != n):
                nats -= float(one[at, row[at] - 4])
                bases += len(words.codes(row[at : at + 1]))
    found = bits_per_base(model, batches, "next")
    assert found == pytest.approx(nats / np.log(2) / bases, rel=1e-6)


def test_a_masked_kmer_predicts_all_its_bases(shards: Shards) -> None:
    """A flat network needs log2(68) bits for a 3-mer, or for one of the two bases at the end."""
    words = KmersOverlapping(3)
    batches = Batches(shards, "validation", words, 300, 64, 0)
    sizes = {"width": 16, "layers": 1, "heads": 2, "ffn": 16, "causal": False}
    model = SlimPerformer(PerformerConfig(words.vocabulary, **sizes))
    for one in model.parameters():
        one.data.zero_()
    ids, draws = batches.at(2**32)
    targets = masked_tokens(ids, draws, words.vocabulary, 3)[1].numpy()
    kmers = int(((targets >= 4) & (targets < 68)).sum())
    singles = int((targets >= 68).sum())
    assert kmers > 50 * singles > 0
    found = bits_per_base(model, batches, "masked")
    assert found == pytest.approx(np.log2(68) * (kmers + singles) / (3 * kmers + singles), rel=1e-6)


def test_baselines_read_the_fragments_that_the_network_reads(shards: Shards) -> None:
    """By hand: counts of both strands of all training genomes, order 0 of the fragments' bases."""
    batches = Batches(shards, "validation", KmersApart(3), 500, 32, 0)
    found = baseline_scores(batches, depth=2)
    counts = np.zeros(4, int)
    for number in shards.numbers("train"):
        for codes in shards.contigs(number):
            counts += np.bincount(codes[2:], minlength=5)[:4]  # two known bases come before each
            counts += np.bincount(3 - codes[:-2], minlength=5)[:4]
    bits = -np.log2((counts + 0.5) / (counts.sum() + 2))
    read = [KmersApart(3).codes(row) for step in (0, 1) for row in batches.at(2**32 + step)[0]]
    assert found[f"{BITS}, Markov model of order 0"] == pytest.approx(bits[np.concatenate(read)].mean())
    assert training_counts(shards, 2).bases == counts.sum()
    assert len(found) == 4


def test_fragments_of_a_step_are_chosen(corpus: Path, tmp_path: Path) -> None:
    card = pretrain(corpus, tmp_path, "next", "tiny", 100, "bases", steps=2, fragments=3)
    assert card.tokens == 2 * 3 * 100
    assert card.command.endswith("--fragments 3")
    assert " 3 fragments " in card.data
    assert "last_norm" not in card.data  # runs from before it existed continue
    assert open_causal(str(tmp_path)).longest == 100


def test_masked_tokens_are_targets_and_no_others() -> None:
    ids = np.random.default_rng(0).integers(len(SPECIAL), 68, (50, 400))
    inputs, targets = (one.numpy() for one in masked_tokens(ids, np.random.default_rng(1), 68))
    asked = targets != IGNORED
    assert (targets[asked] == ids[asked]).all()
    assert (inputs[~asked] == ids[~asked]).all()
    assert asked.mean() == pytest.approx(0.15, abs=0.01)
    assert (inputs[asked] == MASK).mean() == pytest.approx(0.8, abs=0.03)
    assert (inputs[asked] == ids[asked]).mean() == pytest.approx(0.1, abs=0.03)
    assert ((inputs >= len(SPECIAL)) | (inputs == MASK)).all()


def test_overlapping_kmers_are_masked_together() -> None:
    ids = np.full((4, 300), 10)
    targets = masked_tokens(ids, np.random.default_rng(1), 68, span=6)[1].numpy()
    for row in targets:
        runs = "".join("x" if one != IGNORED else " " for one in row).split()[:-1]  # the end cuts one
        assert len(runs) > 1
        assert min(map(len, runs)) >= 6


def test_targets_are_the_next_tokens() -> None:
    inputs, targets = next_tokens(np.array([[7, 8, 9]]), np.random.default_rng(0))
    assert inputs.tolist() == [[2, 7, 8]]
    assert targets.tolist() == [[7, 8, 9]]


# -- pairs and mixes ----------------------------------------------------------------------------------------


def test_a_batch_is_of_different_genera_and_of_its_step_alone(shards: Shards) -> None:
    pairs = Species(shards, "train", (200, 400), 6, 3)
    left, right, _ = pairs.at(1)
    assert {len(one) for one in left} == {400}
    assert {len(one) for one in right} == {200}
    again = Species(shards, "train", (200, 400), 6, 3)
    again.at(0)
    assert all((one == other).all() for one, other in zip(left, again.at(1)[0], strict=True))
    chosen = pairs._chosen(pairs.streams[400], 1)
    genera = [shards.genome(one.genome).genus for one, _ in chosen]
    assert len(set(genera)) == len(genera) > 1
    assert all(shards.species[one.genome] == shards.species[other.genome] for one, other in chosen)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_mixed_vectors_are_those_of_a_plain_loops(seed: int) -> None:
    model, draws = network(seed=seed, layers=3), np.random.default_rng(seed)
    ids, mask = padded([draws.integers(4, 70, int(length)) for length in draws.integers(3, 9, 4)])
    mix = drawn_mix(4, 3, draws)
    assert (mix.share >= 0.5).all()
    found = mixed_vectors(model, ids, mask, mix.layer, mix.other, mix.share.double())
    for row in range(4):
        other, share = int(mix.other[row]), float(mix.share[row])
        states = []
        for at in (row, other):
            x = model.embed(ids[at : at + 1])
            for block in list(model.blocks)[: mix.layer]:
                x, _ = block(x, lambda own: torch.zeros_like(own), mask[at : at + 1])
            states.append(x)
        x = share * states[0] + (1 - share) * states[1]
        both = mask[row] & mask[other]
        for block in list(model.blocks)[mix.layer :]:
            x, _ = block(x, lambda own: torch.zeros_like(own), both[None])
        expected = model.norm(x)[0][both].mean(0)
        torch.testing.assert_close(found[row], expected.float(), rtol=1e-5, atol=1e-6)


def test_centred_rows_have_no_mean_and_the_same_differences() -> None:
    one, two = torch.randn(5, 3) + 7, torch.randn(5, 3) + 9
    left, right = centred(one, two)
    torch.testing.assert_close(torch.cat([left, right]).mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(left - right, one - two)


def test_padding_changes_no_vector() -> None:
    model = network()
    row, longer = np.arange(4, 24), np.arange(4, 60)
    alone = vectors(model, *padded([row]))[0]
    torch.testing.assert_close(vectors(model, *padded([row, longer]))[0], alone, rtol=1e-6, atol=1e-7)
    ids, mask = padded([row, longer])
    ids[0, 20:] = 5
    torch.testing.assert_close(vectors(model, ids, mask)[0], alone, rtol=1e-6, atol=1e-7)


# -- as an encoder ------------------------------------------------------------------------------------------


LAB = {
    "bases": Bases(),
    "known": KnownBases(),
    "apart": KmersApart(4),
    "overlapping": KmersOverlapping(5),
    "six": KmersApart(6),
}


@pytest.mark.parametrize("words", LAB.values(), ids=LAB)
@pytest.mark.parametrize("sequence", [b"", b"ACG", b"ACGTTGCAACGTACCAT" * 9])
def test_the_encoder_reads_tokens_as_the_lab_does(words, sequence: bytes, tmp_path: Path) -> None:
    save_tokenizer(words, tmp_path / SAVED_TOKENIZER)
    found = open_saved_tokenizer(tmp_path / SAVED_TOKENIZER)
    assert found.token_ids(sequence).tolist() == encode(words, sequence).tolist()
    assert found.vocabulary == words.vocabulary


def test_the_encoder_reads_learned_tokens_as_the_lab_does(shards: Shards, tmp_path: Path) -> None:
    words = learn_bpe(shards.fragments("train", 300, 0), 20, 80)
    save_tokenizer(words, tmp_path / SAVED_TOKENIZER)
    found, sequence = open_saved_tokenizer(tmp_path / SAVED_TOKENIZER), b"ACGTTGCAACGTACCAT" * 9
    assert found.token_ids(sequence).tolist() == encode(words, sequence).tolist()
    assert found.vocabulary == words.vocabulary


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"kind": "kmers-apart", "k": 60}', '{"kind": "bpe", "tokenizer": 3}']
)
def test_a_file_that_is_no_tokenizer_is_reported(text: str, tmp_path: Path) -> None:
    (tmp_path / SAVED_TOKENIZER).write_text(text)
    with pytest.raises(ModelError, match="copy the whole model folder again"):
        open_saved_tokenizer(tmp_path / SAVED_TOKENIZER)


def test_hidden_states_are_those_of_the_network(trained: Path) -> None:
    model, warnings = open_model(trained)
    assert warnings == []
    assert (model.layers, model.width, model.most_tokens) == (2, 32, 134)
    ids, mask = padded([np.arange(4, 40), np.arange(4, 30)])
    states = list(model.hidden(ids, mask))
    assert len(states) == 3
    torch.testing.assert_close(states[0], model.network.embed(ids), rtol=0, atol=0)
    torch.testing.assert_close(states[-1], model.network(ids, mask), rtol=0, atol=0)
    assert open_tokenizer(trained, model.vocabulary).token_ids(b"ACGTAC").tolist() == [10, 53]


def test_the_digest_changes_with_the_tokenizer(trained: Path) -> None:
    before, text = digest(trained), (trained / SAVED_TOKENIZER).read_text()
    (trained / SAVED_TOKENIZER).write_text(text + " ")
    assert digest(trained) != before
    (trained / SAVED_TOKENIZER).write_text(text)
    assert digest(trained) == before


def test_a_config_that_makes_no_model_is_reported(trained: Path, tmp_path: Path) -> None:
    config = json.loads((trained / "config.json").read_text())
    for change in (
        {"width": 33},
        {"features": "none"},
        {"vocab": "many"},
        {"most_tokens": None},
        {"layers": 3},
    ):
        (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
        (tmp_path / "model.safetensors").write_bytes((trained / "model.safetensors").read_bytes())
        with pytest.raises(ModelError):
            open_model(tmp_path)


def test_a_genome_and_its_other_strand_agree(trained: Path) -> None:
    draws = np.random.default_rng(4)
    sequence = bytes(draws.choice(list(b"ACGT"), 3001).astype(np.uint8)) + b"NNN" + b"ACGGT" * 50
    genomes = [Genome("g", (Contig("c", one),), "-") for one in (sequence, reverse_complement(sequence))]
    encoder = open_encoder(spec_for(str(trained)))
    one, other = encoder.features(encoder.encode(genomes))
    np.testing.assert_allclose(one, other, atol=1e-5)
    assert np.abs(one).max() > 0.1


@pytest.mark.long
def test_the_demo_finds_itself(trained: Path, demo: Path, six_genomes: list[Path], tmp_path: Path) -> None:
    words = ["build", *map(str, six_genomes), "--index", str(tmp_path / "i"), "--encoder", str(trained)]
    done = subprocess.run(
        [sys.executable, "-m", "gindex_cli", *words, "--taxonomy", str(demo / "taxonomy.tsv")],
        capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    index = Index.open(tmp_path / "i")
    assert index.spec.encoder_version == digest(trained)
    for path, call in zip(six_genomes, query_index(index, six_genomes), strict=True):
        assert call.closest.id == path.name.removesuffix(".fa.gz")
        assert call.closest.similarity == pytest.approx(1, abs=1e-5)
