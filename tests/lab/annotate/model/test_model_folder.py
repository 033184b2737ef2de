"""Folders of annotation models: planned, made, opened and resized, from Python and from the command line."""

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from helpers.annotation_models import settings
from helpers.dnabert2_folder import LAYERS, VOCABULARY, WIDTH, write_dnabert2
from helpers.ncbi_server import dna
from helpers.tiny_model import write_tiny_model

torch = pytest.importorskip("torch")

from gindex_cli import app
from gindex_cli.commands.lab.annotate import choices
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from genome_index.encoders.networks.annotation.config import AnnotationConfig, Coordinates, Side
from genome_index.encoders.networks.annotation.model_folder import AnnotationEncoder, open_annotation
from genome_index.encoders.networks.loader import open_model, shape_of
from genome_index.errors import ModelError, UsageError
from genome_index.lab.annotate.model.folder import open_model_folder, origin_of
from genome_index.lab.annotate.model.initialise import Choices, make_model, plan_model
from genome_index.lab.annotate.model.resize import resize, resized
from genome_index.lab.annotate.model.sizes import SIZES, weigh
from genome_index.lab.annotate.model.upcycle import StartPlan, random_model
from genome_index.lab.annotate.tokens.files import open_tokenizer_files
from genome_index.lab.annotate.tokens.token_lists import first_tokens
from genome_index.lab.annotate.tokens.tokenizer import open_annotation_tokenizer

torch.set_num_threads(1)
NEW_ROWS = VOCABULARY + len(first_tokens())
FILES = ["README.md", "added-tokens.json", "config.json", "model.safetensors", "tokenizer.json"]
MAKE = "make the model again: `gindex lab annotate init --out DIR`"


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return write_dnabert2(tmp_path_factory.mktemp("dnabert2") / "model")


@pytest.fixture
def made(source, tmp_path) -> Path:
    """A whole model, as `gindex lab annotate init` makes it."""
    folder = tmp_path / "made"
    make_model(plan_model(str(source), Choices(experts=3, moe_every=3)), StartPlan(seed=1), folder)
    return folder


def run(*arguments):
    return CliRunner().invoke(app, ["lab", "annotate", *map(str, arguments)])


def batch():
    ids = torch.randint(5, VOCABULARY, (2, 20), generator=torch.Generator().manual_seed(1))
    return ids, torch.arange(20) < torch.tensor([20, 9])[:, None]


# -- weight, before a model is made -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings_of_experts", "parameters"),
    [
        ({"experts": 0}, 258_178_048),
        ({"experts": 8, "moe_every": 1}, 1_447_539_712),
        ({"experts": 4, "moe_every": 2, "experts_in": "decoder"}, 385_612_288),
        ({"experts": 4, "moe_every": 3, "experts_in": "decoder"}, 343_134_208),
    ],
    ids=["dense", "eight in all", "four in every other of the decoder", "four in every third of the decoder"],
)
def test_parameters_of_models_of_dnabert2(settings_of_experts, parameters):
    """As computed by hand from the parts; see below."""
    config = AnnotationConfig(vocabulary=4096, codon_phase=False, coordinates="text", **settings_of_experts)
    weight = weigh(config)
    h, inner, v = 768, 3072, 4096
    norm, expert = 2 * h, 2 * inner * h + inner * h + h
    attention = 4 * h * h + 4 * h
    blocks = 12 * (attention + 2 * norm) + 12 * (2 * attention + 3 * norm)
    sparse = len(config.expert_layers("encoder")) + len(config.expert_layers("decoder"))
    parts = (24 - sparse) * expert + sparse * (config.experts * (expert + h))
    assert weight.parameters == v * h + 2 * h + norm + blocks + parts + v == parameters
    assert weight.active == parameters - sparse * (config.experts - 2) * expert
    assert weight.megabytes == pytest.approx(4 * parameters / 1e6)
    pointers = 4 * h * h + 4 * h + 2 * h + norm + 2  # states read, queries of both kinds, keys; kinds; decay
    assert weigh(replace(config, coordinates="pointers")).parameters == parameters + pointers
    around = (2 * 24 * 4 + 1) * inner + (inner + 1) * h
    assert weigh(replace(config, context=24)).parameters == parameters + around


def test_the_weight_of_a_model_is_that_of_the_model():
    for config in (settings(), settings(tie_weights=False, experts=0)):
        assert weigh(config).parameters == sum(each.numel() for each in random_model(config, 0).parameters())


# -- init ---------------------------------------------------------------------------------------------------


def test_a_model_of_dnabert2_from_the_command_line(source, tmp_path):
    out = tmp_path / "made"
    done = run("init", "--from", source, "--out", out, "--experts", 4, "--moe-every", 3, "--seed", 2)
    assert done.exit_code == 0, done.stderr
    config = open_annotation(out).config
    weight = weigh(config)
    said = done.stderr.splitlines()
    assert said[0] == (
        f"making a model from {source}: 3 + 3 layers, 4 experts in 2 of them; {weight.parameters:,} "
        f"parameters ({weight.parameters / 1e6:.2f} M), {weight.megabytes:,.0f} MB in float32; one token "
        f"meets {weight.active:,} of them"
    )
    assert said[1] == f"wrote {out}"
    assert sorted(path.name for path in out.iterdir()) == FILES
    assert len({path.stat().st_mode for path in out.iterdir()}) == 1  # readable for whom the umask says
    assert (config.vocabulary, config.layers, config.decoder_layers) == (NEW_ROWS, LAYERS, LAYERS)
    assert (config.experts, config.top_k, config.moe_every, config.coordinates) == (4, 2, 3, "pointers")
    assert config.tie_weights
    assert config.codon_phase


@pytest.mark.parametrize("choices", [Choices(), Choices(experts=8, top_k=1, moe_every=1)], ids=["usual", "8"])
def test_the_model_in_the_folder_computes_what_dnabert2_computes(source, tmp_path, choices):
    """Also where one expert is the choice of nearly all tokens: evaluation drops none."""
    make_model(plan_model(str(source), choices), StartPlan(), tmp_path / "made")
    model, files = open_model_folder(tmp_path / "made")
    with torch.no_grad():
        for block in model.bert.blocks():
            if hasattr(block.mlp, "router"):
                block.mlp.router.weight[0] *= 100
    ids, mask = batch()
    expected = list(open_model(source)[0].hidden(ids, mask))[-1]
    with torch.no_grad():
        found = model.encode(ids, mask)
    torch.testing.assert_close(found[mask], expected[mask], atol=1e-5, rtol=0)
    assert files.added() == len(first_tokens())
    assert not model.training
    assert all(weight.requires_grad for weight in model.parameters())


def test_the_choices_of_the_command_reach_the_model(source, tmp_path):
    (tmp_path / "more.txt").write_text("operon\n")
    out = tmp_path / "made"
    done = run(
        "init", "--from", source, "--out", out, "--experts", 5, "--top-k", 3, "--moe-every", 1,
        "--experts-in", "decoder", "--decoder-layers", 2, "--no-tie-weights", "--coordinates", "text",
        "--no-codon-phase", "--tokens", tmp_path / "more.txt", "--noise", 0.1, "--zero-cross",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    model = open_annotation(out)
    config = model.config
    assert (config.experts, config.top_k, config.moe_every, config.experts_in) == (5, 3, 1, "decoder")
    assert (config.decoder_layers, config.tie_weights, config.coordinates) == (2, False, "text")
    assert model.phase is None
    assert open_annotation_tokenizer(out).target_tokens["operon"] == NEW_ROWS == config.vocabulary - 1
    weights = model.state_dict()
    assert weights["decoder.layer.0.crossattention.output.dense.weight"].eq(0).all()
    first, second = (weights[f"decoder.layer.0.mlp.experts.{n}.wo.weight"] for n in (0, 1))
    assert not torch.equal(first, second)
    assert origin_of(out)["noise"] == 0.1


@pytest.mark.parametrize("size", ["tiny", "small"])
def test_tiny_and_small_are_random_and_read_triplets(tmp_path, size):
    out = tmp_path / "made"
    done = run("init", "--size", size, "--out", out)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.startswith("making a model with random weights: ")
    config = open_annotation(out).config
    assert (config.width, config.layers) == {"tiny": (128, 4), "small": (256, 4)}[size]
    assert config.one_way_heads
    tokenizer = open_annotation_tokenizer(out)
    assert tokenizer.vocabulary == config.vocabulary == 9 + 64 + len(first_tokens())
    assert len(tokenizer.source("ACGTACGT").ids) == 4 + 3
    assert "| begins as | random weights |" in (out / "README.md").read_text()


def test_a_tiny_model_may_have_the_tokenizer_of_dnabert2(source, tmp_path):
    make_model(plan_model(str(source), Choices(size="tiny")), StartPlan(), tmp_path / "made")
    assert open_annotation(tmp_path / "made").config.vocabulary == NEW_ROWS
    assert origin_of(tmp_path / "made")["begins as"] == "random weights"


def test_the_same_start_gives_the_same_bytes(source, tmp_path):
    for name in ("one", "two"):
        make_model(plan_model(str(source), Choices()), StartPlan(seed=4), tmp_path / name)
    for file in FILES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_what_cannot_be_made_is_refused_before_anything_is_written(source, tmp_path):
    out = tmp_path / "made"
    done = run("init", "--out", out)
    assert done.exit_code == 2
    assert done.stderr == (
        "gindex: --size full is made of a DNABERT-2: give --from DIR or --from zhihan1996/DNABERT-2-117M, or "
        "--size tiny or small, which begin at random\n"
    )
    done = run("init", "--out", out, "--size", "tiny", "--top-k", 9)
    assert done.stderr == "gindex: annotation model: top_k is 9: give 1 to 8 experts\n"
    other = write_tiny_model(tmp_path / "other")
    (other / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    done = run("init", "--out", out, "--from", other)
    assert done.stderr == (
        f"gindex: {other}: its config.json is not that of a DNABERT-2; give --from "
        "zhihan1996/DNABERT-2-117M, or its folder\n"
    )
    assert not out.exists()
    done = run("init", "--out", source, "--size", "tiny")
    assert done.stderr == f"gindex: {source}: it exists already; give a new folder with --out DIR\n"


def test_the_published_weights_with_rows_beyond_the_tokens_keep_them(source, tmp_path):
    """A table padded to a round number: the ids of new tokens are free rows of it, and no row is lost."""
    padded = write_dnabert2(tmp_path / "padded")
    layout = json.loads((padded / "tokenizer.json").read_text())
    for token in [token for token, number in layout["model"]["vocab"].items() if number >= VOCABULARY - 4]:
        del layout["model"]["vocab"][token]
    layout["model"]["merges"] = layout["model"]["merges"][:-4]
    (padded / "tokenizer.json").write_text(json.dumps(layout))
    plan = plan_model(str(padded), Choices())
    assert plan.config.vocabulary == NEW_ROWS - 4
    assert plan.tokenizer.vocabulary()["<bos>"] == VOCABULARY - 4


# -- opening ------------------------------------------------------------------------------------------------


def spoil(folder, change):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


NAME = "decoder.layer.1.crossattention.self.key.bias"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda weights: weights.pop(NAME), f"its weights lack {NAME}"),
        (
            lambda weights: weights.update(more=torch.zeros(2), most=torch.zeros(2)),
            "the model does not use more of its weights (and 1 more like it)",
        ),
        (
            lambda weights: weights.update({NAME: torch.zeros(5)}),
            f"{NAME} is 5 in its weights, but config.json makes it 48",
        ),
    ],
    ids=["missing", "left over", "misshapen"],
)
def test_weights_that_are_not_those_of_the_model_are_refused(made, change, reason):
    spoil(made, change)
    with pytest.raises(ModelError) as refused:
        open_annotation(made)
    assert str(refused.value) == f"{made}: {reason}; {MAKE}"


def test_a_folder_without_settings_is_no_annotation_model(tmp_path):
    with pytest.raises(ModelError) as refused:
        open_annotation(tmp_path)
    assert str(refused.value) == (
        f"{tmp_path}: there is no config.json in it, so it is no annotation model; {MAKE}"
    )


def test_another_kind_of_model_is_refused(source):
    with pytest.raises(ModelError) as refused:
        open_annotation(source)
    assert str(refused.value).endswith(f"so it is no annotation model (gindex-annotation); {MAKE}")


def test_a_tokenizer_of_more_tokens_than_rows_is_refused(made, tmp_path):
    (tmp_path / "more.txt").write_text("operon\ngene\n")
    done = run("tokens", "append", tmp_path / "more.txt", made)
    assert done.stderr == (
        f"{made}: 1 tokens added, 1 were there\n"
        "a model with this tokenizer needs a row for each: run `gindex lab annotate resize MODEL TOKENIZER`\n"
    )
    with pytest.raises(ModelError) as refused:
        open_model_folder(made)
    assert str(refused.value) == (
        f"{made}: its tokenizer.json has ids up to {NEW_ROWS:,}, but the model only {NEW_ROWS:,} rows; run "
        "`gindex lab annotate resize MODEL TOKENIZER`"
    )


def test_the_encoder_alone_is_a_language_model(source, made):
    """So that `gindex compare` and `gindex build --encoder` read it."""
    model, warnings = open_model(made)
    assert isinstance(model, AnnotationEncoder)
    assert not warnings
    assert (model.layers, model.width, model.vocabulary) == (LAYERS, WIDTH, NEW_ROWS)
    assert shape_of(made) == (None, NEW_ROWS)
    ids, mask = batch()
    found, expected = list(model.hidden(ids, mask)), list(open_model(source)[0].hidden(ids, mask))
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine[mask], theirs[mask], atol=1e-5, rtol=0)


def test_the_encoder_alone_knows_the_codon_phase(made):
    """A trained model's vectors of the phase are not 0 any more."""
    spoil(made, lambda weights: weights["phase.weight"].copy_(torch.randn(3, WIDTH)))
    model, tokenizer = open_annotation(made), open_annotation_tokenizer(made)
    sources = [tokenizer.source(bases) for bases in (dna(3, 90) + "NNNNNNNN" + dna(4, 50), dna(5, 60))]
    longest = max(len(source.ids) for source in sources)
    ids = torch.full((2, longest), tokenizer.pad)
    phases = torch.full((2, longest), -1)
    for row, source in enumerate(sources):
        ids[row, : len(source.ids)] = torch.from_numpy(source.ids)
        phases[row, : len(source.ids)] = torch.from_numpy(source.phases)
    mask = ids != tokenizer.pad
    with torch.no_grad():
        expected = model.encode(ids, mask, phases)
        plain = model.encode(ids, mask)
        found = list(open_model(made)[0].hidden(ids, mask))[-1]
    torch.testing.assert_close(found[mask], expected[mask])
    assert float((plain - expected)[mask].abs().max()) > 0.1


def test_the_vectors_of_a_new_model_are_those_of_dnabert2(source, tmp_path):
    """By the commands: its tokenizer reads sequences as before."""
    import numpy as np

    made, fasta = tmp_path / "made", tmp_path / "a.fa"
    make_model(plan_model(str(source), Choices()), StartPlan(), made)
    fasta.write_text(f">a\n{dna(1, 2000)}NN{dna(2, 100)}\n")
    vectors = {}
    for name, encoder in (("old", source), ("new", made)):
        words = ["embed", fasta, "--encoder", encoder, "--format", "npy", "--out", tmp_path / name]
        done = CliRunner().invoke(app, list(map(str, words)))
        assert done.exit_code == 0, done.stderr
        vectors[name] = np.load(next((tmp_path / name).glob("*.npy")))
    np.testing.assert_allclose(vectors["new"], vectors["old"], atol=1e-5)


# -- resize -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tied", [True, False])
def test_resizing_keeps_old_rows_to_the_bit_and_the_head_tied(tied):
    model = random_model(settings(tie_weights=tied), seed=3)
    with torch.no_grad():
        model.head.bias.copy_(torch.randn(VOCABULARY, generator=torch.Generator().manual_seed(1)))
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    larger = resized(model, VOCABULARY + 200)
    after = larger.state_dict()
    assert after.keys() == before.keys()
    assert ("head.weight" in after) != tied
    assert larger.config == settings(tie_weights=tied, vocabulary=VOCABULARY + 200)
    for name, weight in before.items():
        rows = slice(len(weight)) if name.startswith(("head.", "bert.embeddings.word")) else slice(None)
        assert torch.equal(after[name][rows], weight), name
    words = before["bert.embeddings.word_embeddings.weight"]
    added = after["bert.embeddings.word_embeddings.weight"][VOCABULARY:] - words.mean(0)
    assert float(added.std()) == pytest.approx(0.1 * float(words.std()), rel=0.05)
    bias = float(before["head.bias"].mean())
    assert after["head.bias"][VOCABULARY:].tolist() == pytest.approx([bias] * 200)
    states = torch.randn(1, 2, WIDTH)
    torch.testing.assert_close(larger.logits(states)[..., :VOCABULARY], model.logits(states))
    if tied:
        row = after["bert.embeddings.word_embeddings.weight"][VOCABULARY + 5]
        torch.testing.assert_close(larger.logits(states)[..., VOCABULARY + 5], states @ row + bias)


def test_a_model_is_resized_to_a_tokenizer_from_the_command_line(made, tmp_path):
    before = open_annotation(made)
    (made / "curve.png").write_bytes(b"of a training")
    (made / "runs").mkdir()
    (made / "runs" / "one").write_text("1")
    (tmp_path / "more.txt").write_text("operon\nregulon\n")
    open_tokenizer_files(made).with_tokens(["operon", "regulon"], "more.txt", "").write(tmp_path / "more")
    done = run("resize", made, tmp_path / "more" / "tokenizer.json")
    assert done.exit_code == 0, done.stderr
    assert done.stderr == f"{made}: {NEW_ROWS:,} rows before, {NEW_ROWS + 2:,} now\n"
    model, files = open_model_folder(made)
    assert files.vocabulary()["regulon"] == NEW_ROWS + 1
    assert model.config.vocabulary == NEW_ROWS + 2
    assert model.head.weight is None
    ids, mask = batch()
    with torch.no_grad():
        assert torch.equal(model.encode(ids, mask), before.encode(ids, mask))
    assert (made / "curve.png").read_bytes() == b"of a training"
    assert (made / "runs" / "one").read_text() == "1"
    assert origin_of(made)["resized"] == f"from {NEW_ROWS:,} to {NEW_ROWS + 2:,} rows"
    assert str(origin_of(made)["begins as"]).startswith("DNABERT-2, digest ")


def test_a_model_is_resized_to_its_own_tokenizer_after_an_append(made, tmp_path):
    (tmp_path / "more.txt").write_text("operon\n")
    run("tokens", "append", tmp_path / "more.txt", made)
    assert resize(made, made) == (NEW_ROWS, NEW_ROWS + 1)
    open_model_folder(made)
    listed = run("tokens", "list", made).stdout.splitlines()
    assert listed[0] == "id\ttoken\taddition\tsource"
    assert listed[1] == f"{VOCABULARY}\t<bos>\t1\tgindex"
    assert f"{open_tokenizer_files(made).vocabulary()[chr(9)]}\t\\t\t1\tgindex" in listed
    assert listed[-1] == f"{NEW_ROWS}\toperon\t2\tmore.txt"


def test_a_tokenizer_of_another_model_is_refused(made, tmp_path):
    make_model(plan_model(None, Choices(size="tiny")), StartPlan(), tmp_path / "other")
    with pytest.raises(ModelError) as refused:
        resize(made, tmp_path / "other")
    assert str(refused.value).startswith(f"{tmp_path / 'other'}: ")
    assert str(refused.value).endswith(
        f"in {made}; give the tokenizer of this model with more tokens appended"
    )


def test_the_list_of_first_tokens_from_the_command_line(tmp_path):
    (tmp_path / "extracted.txt").write_text("operon\ngene\n")
    done = run("tokens", "init", tmp_path / "tokens.txt", "--tokens", tmp_path / "extracted.txt")
    count = len(first_tokens()) + 1
    assert done.stderr == f"wrote {tmp_path / 'tokens.txt'}: {count:,} tokens\n"
    lines = (tmp_path / "tokens.txt").read_text().splitlines()
    assert len(lines) == count
    assert lines[:2] == ["<bos>", "<eos>"]
    assert lines[-1] == "operon"
    assert {"\\t", "\\n"} <= set(lines)


def test_an_unknown_size_is_refused():
    with pytest.raises(UsageError, match="--size huge: choose tiny, small, full"):
        plan_model(None, Choices(size="huge"))


def test_the_choices_of_the_commands_are_those_of_the_library():
    assert [each.value for each in choices.AnnotationSize] == list(SIZES)
    assert [each.value for each in choices.CoordinateForm] == list(get_args(Coordinates))
    assert [each.value for each in choices.ExpertsIn] == list(get_args(Side))
