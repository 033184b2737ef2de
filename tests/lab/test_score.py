"""Bits a base along genomes: by hand, against whole sequences, and through the command."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra neural is not installed")
pytest.importorskip("safetensors", reason="the extra neural is not installed")

from genome_index.encoders.checkpoint import SAVED_TOKENIZER, digest
from genome_index.encoders.networks.loader import open_model
from genome_index.encoders.networks.performer import PerformerConfig, SlimPerformer
from genome_index.encoders.networks.performer_folder import write_slim
from genome_index.errors import ModelError, UsageError
from genome_index.io.sequence import reverse_complement
from genome_index.lab.corpus.packing import bases_of, codes_of
from genome_index.lab.likelihood import causal_model
from genome_index.lab.likelihood.causal_model import CausalModel, base_tokens, open_causal
from genome_index.lab.likelihood.score import GenomeScore, ScorePlan, score_genome, score_genomes
from genome_index.lab.likelihood.token_bits import nats_of, token_bits, token_blocks
from genome_index.lab.tokenizers.bpe import learn_bpe
from genome_index.lab.tokenizers.kmers import save_tokenizer, tokenizer_of
from genome_index.lab.tokenizers.special_ids import CLS
from genome_index.records import Contig, Failure, Genome

torch.set_num_threads(1)

NAMES = ("bases", "kmers-apart:3", "kmers-overlapping:3")
DNA = np.random.default_rng(0).choice(list(b"ACGT"), 3_000).astype(np.uint8).tobytes()


def model(name: str, longest: int = 100, seed: int = 0, **settings: object) -> CausalModel:
    torch.manual_seed(seed)
    tokenizer = tokenizer_of(name)
    sizes = {"width": 16, "layers": 2, "heads": 2, "ffn": 32, **settings}
    network = SlimPerformer(PerformerConfig(tokenizer.vocabulary, **sizes)).double().eval()
    return CausalModel(network, tokenizer, longest)


def flat(name: str) -> CausalModel:
    """A network whose weights are zero: all its logits are."""
    made = model(name)
    for one in made.network.parameters():
        one.data.zero_()
    return made


def genome(*contigs: bytes, id: str = "g") -> Genome:
    return Genome(id, tuple(Contig(f"c{at}", one) for at, one in enumerate(contigs)), "g.fa")


def scored(given: Genome, by: CausalModel, plan: ScorePlan) -> GenomeScore:
    score = score_genome(given, by, plan)
    assert isinstance(score, GenomeScore)
    return score


def whole_bits(by: CausalModel, codes: np.ndarray) -> np.ndarray:
    """Bits of each token of a sequence that is read at once, NaN for an N."""
    ids, allowed = by.tokenizer.ids(codes), torch.from_numpy(by.allowed)
    inputs = torch.from_numpy(np.concatenate([[CLS], ids[:-1]]))[None]
    logits = by.network.logits(by.network(inputs))[0][:, allowed]
    place = torch.cumsum(allowed, 0) - 1
    targets = place[torch.from_numpy(ids)]
    bits = torch.nn.functional.cross_entropy(logits, targets, reduction="none") / math.log(2)
    return np.where(by.allowed[ids], bits.detach().numpy(), np.nan)


# -- by hand ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strands", ["both", "forward"])
def test_a_flat_network_needs_two_bits_for_a_base(strands: str) -> None:
    score = scored(genome(b"ACGTN" * 3 + b"ACGTA", b"ACG"), flat("bases"), ScorePlan(10, strands))
    assert score.bits_per_base == pytest.approx(2.0, abs=1e-12)
    assert list(score.rows()) == [
        "g\tc0\t0\t10\t8\t2.0000\n", "g\tc0\t10\t20\t9\t2.0000\n", "g\tc1\t0\t3\t3\t2.0000\n"
    ]  # fmt: skip
    assert (score.bases, score.other_bp) == (20, 3)


def test_the_bits_of_a_kmer_are_spread_over_its_bases() -> None:
    """Of 64 3-mers and 4 bases: log2(68) / 3 a base within k-mers, log2(68) for the two that are left."""
    each = math.log2(68)
    score = scored(genome(b"ACGTACGTA" + b"NN" + b"ACGTA"), flat("kmers-apart:3"), ScorePlan(9, "forward"))
    first, second = score.contigs[0].bits
    assert first == pytest.approx(3 * each)
    assert first / 9 == pytest.approx(each / 3)
    assert second == pytest.approx(each + 2 * each)
    assert score.contigs[0].bases.tolist() == [9, 5]
    within = scored(genome(b"ACGTACGTA"), flat("kmers-apart:3"), ScorePlan(4, "forward"))
    assert within.contigs[0].bits / each == pytest.approx([4 / 3, 4 / 3, 1 / 3])
    other = scored(genome(b"ACGTACGTAC"), flat("kmers-apart:3"), ScorePlan(9))
    assert other.contigs[0].bits / each == pytest.approx([(3 + (1 + 2 + 2 / 3)) / 2, (1 + 1 / 3) / 2])


def test_an_overlapping_kmer_adds_its_last_base() -> None:
    """Of ACGTA the tokens ACG, CGT, GTA add 3, 1, 1 bases; T and A by themselves stand where they are."""
    parts = list(token_bits(flat("kmers-overlapping:3"), codes_of(b"ACGTANACGT")))
    assert [part.starts.tolist() for part in parts] == [[0, 3, 4, 3, 4, 6, 9, 8, 9]]
    assert [part.lengths.tolist() for part in parts] == [[3, 1, 1, 1, 1, 3, 1, 1, 1]]
    np.testing.assert_allclose(parts[0].bits, math.log2(68))


def test_no_window_without_a_base_has_bits() -> None:
    score = scored(genome(b"ACGT" + b"N" * 8), flat("bases"), ScorePlan(4))
    assert list(score.rows())[1:] == ["g\tc0\t4\t8\t0\t\n", "g\tc0\t8\t12\t0\t\n"]
    assert score.sentence() == (
        "g: 2.0000 bits a base over 4 bases (8 N left out); "
        "Markov models of the genome itself: order 2 2.0000, order 12 2.0000"
    )


def test_only_tokens_of_bases_are_foretold() -> None:
    assert base_tokens(tokenizer_of("bases")).tolist() == [False] * 4 + [True] * 4 + [False]
    assert base_tokens(tokenizer_of("kmers-apart:2")).sum() == 16 + 4


# -- piece by piece and whole -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("last_norm", [True, False])
def test_piece_by_piece_is_the_cross_entropy_of_the_whole(name: str, last_norm: bool, monkeypatch) -> None:
    monkeypatch.setattr("genome_index.lab.likelihood.token_bits.BLOCK_BP", 700)
    by = model(name, last_norm=last_norm)
    codes = codes_of(DNA[:1_300] + b"NNNN" + DNA[1_300:])
    expected = whole_bits(by, codes)
    found = np.concatenate([part.bits for part in token_bits(by, codes)])
    np.testing.assert_allclose(found, expected[~np.isnan(expected)], rtol=1e-9)
    score = scored(genome(bases_of(codes)), by, ScorePlan(100, "forward", 0))
    assert score.bits_per_base * 3_000 == pytest.approx(np.nansum(expected), rel=1e-9)
    assert score.contigs[0].bases.sum() == 3_000


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("block_bp", [1, 2, 5, 7, 64])
def test_blocks_give_the_tokens_of_the_whole(name: str, block_bp: int) -> None:
    tokenizer = tokenizer_of(name)
    for sequence in (b"", b"A", b"ACGTACGTNACNACGTNN", b"NNNACG" * 30):
        codes = codes_of(sequence)
        blocks = list(token_blocks(tokenizer, codes, block_bp))
        ids = [id_ for ids, _, _ in blocks for id_ in ids.tolist()]
        assert ids == tokenizer.ids(codes).tolist()
        whole = list(token_blocks(tokenizer, codes, 10_000))
        for part in (1, 2):
            assert [one for block in blocks for one in block[part].tolist()] == [
                one for block in whole for one in block[part].tolist()
            ]


def test_learned_tokens_cover_the_sequence(tmp_path: Path, demo_corpus_of_three: Path) -> None:
    pytest.importorskip("tokenizers", reason="the extra neural is not installed")
    from genome_index.lab.corpus.shards import Shards

    tokenizer = learn_bpe(Shards.open(demo_corpus_of_three).fragments("train", 300, 0), 20, 80)
    codes = codes_of(DNA[:100] + b"NN" + DNA[100:200])
    assert tokenizer.lengths[tokenizer.ids(codes)].sum() == 202
    ((ids, starts, lengths),) = token_blocks(tokenizer, codes, 7)
    assert ids.tolist() == tokenizer.ids(codes).tolist()
    assert starts.tolist() == [0, *np.cumsum(lengths)[:-1].tolist()]
    assert base_tokens(tokenizer).sum() == 80 - 4 - 1


@pytest.mark.parametrize("name", NAMES)
def test_a_context_starts_anew(name: str) -> None:
    """With a context of 40 tokens, tokens 41 to 80 are scored as a sequence of their own."""
    by, codes = model(name), codes_of(DNA)
    found = np.concatenate([part.bits for part in token_bits(by, codes, 40)])
    ids = by.tokenizer.ids(codes)
    for start in (0, 40, 80):
        piece = torch.from_numpy(ids[start : start + 40])
        inputs = torch.cat([torch.tensor([CLS]), piece[:-1]])[None]
        nats = nats_of(by.network, by.network(inputs), piece[None], torch.from_numpy(by.allowed))
        np.testing.assert_allclose(
            found[start : start + 40], nats[0].detach().numpy() / math.log(2), rtol=1e-9
        )
    whole = scored(genome(DNA), by, ScorePlan(context=0)).bits_per_base
    trained = scored(genome(DNA), by, ScorePlan()).bits_per_base
    assert trained == scored(genome(DNA), by, ScorePlan(context=by.longest)).bits_per_base
    assert trained != pytest.approx(whole, rel=1e-6)


def test_both_strands_are_their_mean_and_mirror() -> None:
    by, plan = model("kmers-apart:3"), ScorePlan(100, context=0)
    there, back = genome(DNA), genome(reverse_complement(DNA))
    forward = [scored(one, by, ScorePlan(100, "forward", 0)).contigs[0].bits for one in (there, back)]
    both = scored(there, by, plan).contigs[0].bits
    np.testing.assert_allclose(both, (forward[0] + forward[1][::-1]) / 2, rtol=1e-9)
    np.testing.assert_allclose(scored(back, by, plan).contigs[0].bits, both[::-1], rtol=1e-9)


def test_case_and_other_codes_do_not_matter() -> None:
    by = model("kmers-apart:3")
    one, other = (scored(genome(each), by, ScorePlan()) for each in (b"ACGURYACGT", b"acgtNNACGU"))
    assert (one.bits_per_base, one.other_bp) == (other.bits_per_base, 2)


# -- many genomes -------------------------------------------------------------------------------------------


def test_no_input_is_dropped() -> None:
    given = [genome(DNA), Failure("x", "x.fa", "it is empty"), genome(DNA), genome(b"NNNN", id="n")]
    first, failed, again, blank = score_genomes(given, flat("bases"), ScorePlan())
    assert isinstance(first, GenomeScore)
    assert failed == given[1]
    assert again == Failure("g", "g.fa", "the id 'g' was already given by g.fa; rename one of the two")
    assert blank == Failure("n", "g.fa", "no base of it is A, C, G or T")


@pytest.mark.parametrize("wrong", [{"window_bp": 0}, {"strands": "back"}, {"context": -2}])
def test_a_plan_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="give windows of 1 or more, both or forward"):
        ScorePlan(**wrong)


# -- model folders ------------------------------------------------------------------------------------------


def saved(folder: Path, by: CausalModel) -> Path:
    write_slim(by.network, folder, by.longest)
    save_tokenizer(by.tokenizer, folder / SAVED_TOKENIZER)
    return folder


def test_a_causal_model_keeps_its_head(tmp_path: Path) -> None:
    by = model("bases", last_norm=False)
    folder = saved(tmp_path / "m", by)
    config = json.loads((folder / "config.json").read_text())
    assert (config["head"], config["last_norm"], config["most_tokens"]) == (True, False, 100)
    opened = open_causal(str(folder))
    ids = torch.randint(4, 9, (1, 30), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        opened.network.logits(opened.network(ids)), by.network.logits(by.network(ids)).float()
    )
    assert (opened.longest, opened.tokenizer.kind) == (100, "bases")
    encoder, warnings = open_model(folder)
    assert not warnings
    assert not any("head" in name or name.startswith("network.norm") for name in encoder.state_dict())


def test_a_model_of_both_directions_is_saved_as_before(tmp_path: Path) -> None:
    from safetensors import safe_open

    saved(tmp_path, model("bases", causal=False))
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert not any(name.startswith("head") for name in file.keys())  # noqa: SIM118  # it is no dict
    assert json.loads((tmp_path / "config.json").read_text())["head"] is False
    with pytest.raises(ModelError, match="reads both directions.*--objective next"):
        open_causal(str(tmp_path))


def test_an_older_folder_opens_as_an_encoder_with_its_digest(tmp_path: Path) -> None:
    """As an older gindex wrote it: no head, no `last_norm`."""
    from safetensors.torch import load_file, save_file

    folder = saved(tmp_path, model("bases"))
    weights = load_file(folder / "model.safetensors")
    save_file({n: w for n, w in weights.items() if not n.startswith("head")}, folder / "model.safetensors")
    config = {**json.loads((folder / "config.json").read_text()), "head": False}
    del config["last_norm"]
    (folder / "config.json").write_text(json.dumps(config))
    before = digest(folder)
    opened, warnings = open_model(folder)
    assert (digest(folder), warnings) == (before, [])
    assert isinstance(opened.network.norm, torch.nn.LayerNorm)
    with pytest.raises(ModelError, match="an older gindex saved it without the head that predicts tokens"):
        open_causal(str(folder))


def test_what_is_no_causal_model_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "m", model("bases"))
    save_tokenizer(tokenizer_of("kmers-apart:3"), folder / SAVED_TOKENIZER)
    with pytest.raises(ModelError, match="its tokenizer has 73 tokens, its network 9"):
        open_causal(str(folder))
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="describes no SLiM Performer; give a model of `gindex lab pretrain"):
        open_causal(str(folder))
    with pytest.raises(ModelError, match="describes no SLiM Performer"):
        open_causal("profile")  # it is released, but a profile
    with pytest.raises(ModelError, match="there is no such folder"):
        open_causal("nothing")


def test_released_weights_have_names(tmp_path: Path, monkeypatch) -> None:
    saved(tmp_path / "causal", model("bases"))
    monkeypatch.setattr(causal_model, "RELEASED", tmp_path)
    assert open_causal("causal").longest == 100
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(causal_model, "RELEASED", tmp_path / "elsewhere")
    assert open_causal("causal").longest == 100  # a folder of the user's


# -- the command --------------------------------------------------------------------------------------------


def test_one_command_scores_files(gindex, tmp_path: Path) -> None:
    folder = saved(tmp_path / "m", flat("bases"))
    (tmp_path / "a.fa").write_bytes(b">one\n" + DNA[:2_500] + b"\n>two\nACGTNN\n")
    (tmp_path / "b.fa").write_bytes(b"no FASTA at all, but enough text to be told so\n")
    done = gindex("lab", "score", tmp_path / "a.fa", tmp_path / "b.fa", "--model", folder)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "genome\tcontig\tstart\tend\tbases\tbits_per_base",
        "a\tone\t0\t1000\t1000\t2.0000", "a\tone\t1000\t2000\t1000\t2.0000",
        "a\tone\t2000\t2500\t500\t2.0000", "a\ttwo\t0\t6\t4\t2.0000",
    ]  # fmt: skip
    assert "a: 2.0000 bits a base over 2,504 bases (2 N left out); Markov models" in done.stderr
    assert "failed: " in done.stderr
    assert f"{tmp_path / 'b.fa'}: " in done.stderr
    words = ("lab", "score", tmp_path / "a.fa", "--model", folder, "--window", 5_000, "--context", 0)
    done = gindex(*words, "--strands", "forward", "--genome-per", "record")
    assert done.exit_code == 0
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["genome", "one", "two"]


def test_a_model_that_is_missing_is_said(gindex, tmp_path: Path) -> None:
    (tmp_path / "a.fa").write_bytes(b">one\n" + DNA + b"\n")
    done = gindex("lab", "score", tmp_path / "a.fa", "--model", tmp_path / "none")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is no such folder" in done.stderr
