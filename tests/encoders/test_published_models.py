"""Published models by their own config.json: which network reads them, or why none does."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from helpers.published_configs import (
    CADUCEUS,
    DNABERT,
    EVO,
    EVO_2,
    GENA,
    GENA_BIGBIRD,
    GENA_SPARSE,
    GENOME_OCEAN,
    HYENA_DNA,
    NTV3,
    NUCLEOTIDE,
    Config,
)

from genome_index.errors import ModelError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from helpers.tiny_model import shrunk, write_bpe, write_tiny_gena, write_tiny_model  # after the skip
from safetensors.torch import save_file

from genome_index.encoders import open_encoder, spec_for
from genome_index.encoders.checkpoint import find_model, licence_notice, names_esm
from genome_index.encoders.networks import dnabert2, nucleotide_transformer, prenorm_bert
from genome_index.encoders.networks.config_keys import check_settings, own_code
from genome_index.encoders.networks.loader import open_model, opener
from genome_index.encoders.networks.prenorm_bert import PrenormBert
from genome_index.encoders.networks.transformers_native import open_native
from genome_index.encoders.tokenizers.folder import open_tokenizer
from genome_index.records import Contig, Genome

torch.set_num_threads(1)

NO_CODE = (
    "gindex never runs code that comes with a model, for it could do anything on this computer; choose a "
    "Nucleotide Transformer v1 or v2, DNABERT-2, DNABERT-S, GENA-LM, or a model without code of its own "
    "whose type transformers has"
)
CURE = "choose another model, or take the key out of the file if its authors say that it changes no vector"


def write(folder: Path, config: Config) -> Path:
    """A model folder with published settings, and one tensor for its weights."""
    (folder / "config.json").write_text(json.dumps(config))
    save_file({"x": torch.zeros(2)}, folder / "model.safetensors")
    return folder


def refusal(folder: Path, config: Config) -> str:
    with pytest.raises(ModelError) as caught:
        open_model(find_model(str(write(folder, config))))
    assert caught.value.path == str(folder)
    return caught.value.reason


# -- the fixtures are the files ------------------------------------------------------------------------------

BYTES = {  # as the hub lists them; each with the indentation of its file
    "nucleotide-transformer-v2-500m-multi-species": (
        json.dumps(NUCLEOTIDE["nucleotide-transformer-v2-500m-multi-species"], indent=2) + "\n", 1065,
    ),
    "DNABERT-2-117M, first revision": (json.dumps(DNABERT["DNABERT-2-117M, first revision"]), 862),
    "DNABERT-S": (json.dumps(DNABERT["DNABERT-S"], indent=4), 1025),
    "hyenadna-large-1m-seqlen-hf": (json.dumps(HYENA_DNA, indent=2) + "\n", 961),
    "caduceus-ph": (
        json.dumps(CADUCEUS["caduceus-ph_seqlen-1k_d_model-118_n_layer-4_lr-8e-3"], indent=2) + "\n", 1375,
    ),
    "evo2_40b": ("{ " + json.dumps(EVO_2)[1:], 89),
}  # fmt: skip


@pytest.mark.parametrize("name", BYTES)
def test_fixtures_have_the_length_of_the_published_files(name: str) -> None:
    text, size = BYTES[name]
    assert len(text) == size


def test_the_published_version_2_names_no_model_type() -> None:
    version_2 = [config for name, config in NUCLEOTIDE.items() if "-v2-" in name]
    assert len(version_2) == 4
    assert not any("model_type" in config for config in version_2)
    assert all(names_esm(config) for config in NUCLEOTIDE.values())


# -- models that gindex reads with networks of its own -------------------------------------------------------

READERS = {
    **dict.fromkeys(NUCLEOTIDE, (nucleotide_transformer, "open_nucleotide")),
    **dict.fromkeys(DNABERT, (dnabert2, "open_dnabert2")),
    **dict.fromkeys(GENA, (prenorm_bert, "open_prenorm_bert")),
}
READ = {**NUCLEOTIDE, **DNABERT, **GENA}


@pytest.mark.parametrize("name", READ)
def test_a_published_model_has_its_network_and_no_setting_unread(name: str) -> None:
    module, opens = READERS[name]
    assert opener(READ[name]) is getattr(module, opens)
    check_settings(READ[name], module.READ, module.FIXED, name, "it")


@pytest.mark.parametrize("name", NUCLEOTIDE)
def test_licence_of_every_nucleotide_transformer_whatever_its_folder_is_called(
    name: str, tmp_path: Path
) -> None:
    notice = "the Nucleotide Transformer's weights are CC BY-NC-SA 4.0: not for commercial use."
    assert licence_notice("model", NUCLEOTIDE[name], tmp_path) == f"model: {notice}"


@pytest.mark.parametrize("name", [*DNABERT, *GENA])
def test_other_models_have_no_such_licence(name: str, tmp_path: Path) -> None:
    assert licence_notice("model", READ[name], tmp_path) == ""


def test_the_first_example_of_the_guide_opens(tmp_path: Path) -> None:
    """The published v2-50m with two blocks instead of twelve: the encoder reads a genome with it."""
    folder = write_tiny_model(tmp_path / "model")
    assert "model_type" not in json.loads((folder / "config.json").read_text())
    encoder = open_encoder(spec_for(str(folder)))
    genome = Genome("g", (Contig("c", b"ACGTTGCATT" * 40),), "-")
    assert encoder.features(encoder.encode([genome])).shape == (1, 32)
    assert any("not for commercial use" in note for note in encoder.notes())


def test_a_copy_that_was_trained_further_is_the_same_network() -> None:
    """Saved again by transformers: a model_type, and code named with the repository that it comes from."""
    original = NUCLEOTIDE["nucleotide-transformer-v2-100m-multi-species"]
    home = "InstaDeepAI/nucleotide-transformer-v2-100m-multi-species--"
    code = {name: f"{home}{value}" for name, value in original["auto_map"].items()}
    copy = {**original, "model_type": "esm", "auto_map": code, "problem_type": "single_label_classification"}
    assert own_code(copy) == {"esm_config": "EsmConfig", "modeling_esm": "EsmForTokenClassification"}
    assert opener(copy) is nucleotide_transformer.open_nucleotide


@pytest.mark.parametrize(
    ("auto_map", "code"),
    [
        (None, {}),
        ({}, {}),
        ({"AutoTokenizer": ["own.Words", None], "AutoModel": None}, {}),
        ("own.Model", {"own": "Model"}),
        ({"AutoConfig": "a.B", "AutoModelForMaskedLM": "me/mine--c.D"}, {"a": "B", "c": "D"}),
    ],
)
def test_code_of_its_own_is_what_computes_a_model(auto_map: object, code: dict[str, str]) -> None:
    assert own_code({"auto_map": auto_map}) == code


@pytest.mark.parametrize("kind", ["esm", None])
def test_an_esm_with_other_code_is_not_taken_for_a_nucleotide_transformer(
    kind: str | None, tmp_path: Path
) -> None:
    original = NUCLEOTIDE["nucleotide-transformer-v2-50m-multi-species"]
    code = {"AutoModel": "modeling_segment_nt.SegmentNT", "AutoConfig": "esm_config.EsmConfig"}
    config = {**original, "auto_map": code, **({"model_type": kind} if kind else {})}
    assert opener(config) is open_native
    beside = "its own that computes it (auto_map: esm_config.EsmConfig, modeling_segment_nt.SegmentNT)"
    assert (beside if kind else "its model type None needs code") in refusal(tmp_path, config)


# -- GENA-LM -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "last"), [("gena-lm-bert-large-t2t", True), ("gena-lm-bert-base-t2t", False)]
)
def test_norm_after_the_last_block_is_there_unless_it_is_switched_off(
    name: str, last: bool, tmp_path: Path
) -> None:
    model, warnings = open_model(write_tiny_gena(tmp_path / "model", name))
    assert isinstance(model, PrenormBert)
    assert isinstance(model.encoder.last_layer_ln, torch.nn.LayerNorm) is last
    assert not warnings


@pytest.mark.parametrize(
    ("name", "tensors"),
    [("gena-lm-bert-base-t2t-multi", 205), ("gena-lm-bert-large-t2t", 399), ("gena-lm-bert-base", 209)],
)
def test_number_of_tensors_is_that_of_the_published_files(name: str, tensors: int) -> None:
    """The files hold a masked head (7 tensors), the positions 0, 1, 2 ..., and bert-base two more heads."""
    sizes = GENA[name]
    with torch.device("meta"):
        model = PrenormBert(
            nucleotide_transformer.read_sizes(sizes, name), 512, 2, sizes.get("last_layer_norm", True)
        )
    others = 8 + 4 * (name == "gena-lm-bert-base")
    assert len(model.state_dict()) + others == tensors


def test_no_more_tokens_than_gena_has_positions(tmp_path: Path) -> None:
    model, _ = open_model(write_tiny_gena(tmp_path / "model"))
    assert model.most_tokens == 64
    ids = torch.full((1, 65), 7)
    assert len(list(model.hidden(ids[:, :64], None))) == 3
    with pytest.raises(ModelError, match="65 tokens are more than its 64 positions"):
        next(model.hidden(ids, None))


def test_tokenizer_of_gena_sets_cls_and_sep_and_knows_n(tmp_path: Path) -> None:
    """The library itself: each N is a token, ten and more are one `-`. Chunks of gindex hold no N."""
    from tokenizers import Tokenizer

    library = Tokenizer.from_file(str(write_bpe(tmp_path, 300, gaps=True) / "tokenizer.json"))
    ours = open_tokenizer(tmp_path, 300)
    assert (ours.before, ours.after, ours.pad) == ((1,), (2,), 3)
    dna = "ACGTTGCATTAG" * 20
    assert [1, *ours.token_ids(dna.encode()).tolist(), 2] == library.encode(dna).ids
    assert library.encode("N" * 9).tokens == ["[CLS]", *"NNNNNNNNN", "[SEP]"]
    assert library.encode("N" * 10).tokens == ["[CLS]", "-", "[SEP]"]


def test_gena_is_not_read_as_a_bert_with_norms_after_each_part(tmp_path: Path) -> None:
    """Even where the names of its weights fit, as in a file that somebody has converted."""
    config = shrunk(GENA["gena-lm-bert-base-t2t"]) | {"vocab_size": 300}
    bert = transformers.BertModel(transformers.BertConfig(**{**config, "auto_map": None}))
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(bert.state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="its weights lack encoder.layer.0.pre_attention_ln.weight"):
        open_model(tmp_path)


def test_a_copy_of_gena_that_was_trained_further_is_the_same_network() -> None:
    home = "AIRI-Institute/gena-lm-bert-base-t2t--modeling_bert.BertForMaskedLM"
    copy = GENA["gena-lm-bert-base-t2t"] | {
        "_name_or_path": "AIRI-Institute/gena-lm-bert-base-t2t", "auto_map": {"AutoModel": home},
        "architectures": ["BertForSequenceClassification"], "classifier_dropout": None,
        "problem_type": "single_label_classification", "use_flash_attention": False,
    }  # fmt: skip
    assert opener(copy) is prenorm_bert.open_prenorm_bert
    check_settings(copy, prenorm_bert.READ, prenorm_bert.FIXED, "copy", "it")


# -- BigBird, which transformers computes --------------------------------------------------------------------


def test_bigbird_of_gena_reads_as_many_tokens_as_it_attends_to_all_of(tmp_path: Path) -> None:
    """From 705 tokens on its attention is to random blocks, unless a shorter row was read before."""
    config = shrunk(GENA_BIGBIRD, positions=4096) | {"vocab_size": 300}
    transformers.BigBirdModel(transformers.BigBirdConfig(**config)).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    model, _ = open_model(tmp_path)
    assert opener(config) is open_native
    assert model.most_tokens == 704
    published = transformers.BigBirdModel.from_pretrained(tmp_path, dtype=torch.float32).eval()
    ids = torch.randint(6, 300, (1, 704), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = published(ids).last_hidden_state
        *_, found = model.hidden(ids, None)
    assert (found - expected).abs().max() < 1e-5


def test_the_three_mers_of_a_nucleotide_transformer_are_refused_as_such(tmp_path: Path) -> None:
    """v2-50m-3mer: the hub lists 302 bytes of vocab.txt, which its special tokens, 3-mers and bases make."""
    words = ["".join(word) for word in product("ATCG", repeat=3)]
    lines = ["<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>", *words, *"ATCGN"]
    (tmp_path / "vocab.txt").write_text("\n".join(lines))
    assert (tmp_path / "vocab.txt").stat().st_size == 302
    with pytest.raises(ModelError, match=r"its vocab.txt \(75 tokens\) is neither the six-mers"):
        open_tokenizer(tmp_path, 75)


# -- models that are refused, and why ------------------------------------------------------------------------

OWN = "its model type {!r} needs code that comes with it (auto_map); " + NO_CODE
REFUSED: dict[str, tuple[Config, str]] = {
    **{name: (config, OWN.format("caduceus")) for name, config in CADUCEUS.items()},
    "HyenaDNA": (HYENA_DNA, OWN.format("hyenadna")),
    "Nucleotide Transformer v3": (NTV3, OWN.format("ntv3")),
    "Evo": (EVO, OWN.format("stripedhyena")),
    "Evo 2": (EVO_2, f"config.json names no model_type; {NO_CODE}"),
    "GenomeOcean": (
        GENOME_OCEAN,
        "config.json names code of its own that computes it (auto_map: configuration_mistral.MistralConfig, "
        "modeling_mistral.MistralModel); transformers has a class for its model type 'mistral', but nothing "
        f"says that the two compute the same; {NO_CODE}; or copy the folder and take auto_map out of "
        "config.json, if its authors say that their code is transformers' Mistral unchanged",
    ),
    "gena-lm-bigbird-base-sparse": (
        GENA_SPARSE["gena-lm-bigbird-base-sparse"],
        "config.json: position_embedding_type is 'rotary', but pre-norm BERT (GENA-LM) computes only "
        f"'absolute'; {CURE}",
    ),
    "gena-lm-bigbird-base-sparse-t2t": (
        GENA_SPARSE["gena-lm-bigbird-base-sparse-t2t"],
        "config.json sets sparse_attention, which pre-norm BERT (GENA-LM) does not compute, so its vectors "
        f"would be wrong; {CURE}",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_nothing_here_computes_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    config, said = REFUSED[name]
    assert refusal(tmp_path, config) == said


@pytest.mark.parametrize("causal", [True, False])
def test_a_copy_without_code_of_its_own_is_what_the_class_computes(causal: bool, tmp_path: Path) -> None:
    """GenomeOcean's file less auto_map: attention in one direction, as its class has it, and no other."""
    config = {key: value for key, value in GENOME_OCEAN.items() if key != "auto_map"} | {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "intermediate_size": 48, "vocab_size": 300, "is_causal": causal,
    }  # fmt: skip
    transformers.MistralModel(transformers.MistralConfig(**config)).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    if causal:
        assert open_model(tmp_path)[0].layers == 2
    else:
        with pytest.raises(
            ModelError, match="is_causal is False, but transformers' Mistral computes only True"
        ):
            open_model(tmp_path)


# -- settings that a network does not compute ----------------------------------------------------------------


def saved_bert(folder: Path, **settings: object) -> Path:
    small = {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = transformers.BertModel(transformers.BertConfig(intermediate_size=48, **small))
    model.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | settings))
    return folder


@pytest.mark.parametrize(("key", "value"), [("alibi", True), ("moe_experts", 8), ("is_causal", False)])
def test_a_setting_that_the_class_does_not_know_is_refused(key: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        open_model(saved_bert(tmp_path, **{key: value}))
    assert str(caught.value) == (
        f"{tmp_path}: config.json sets {key}, which transformers' Bert does not compute, so its vectors "
        f"would be wrong; {CURE}"
    )


def test_a_setting_with_a_value_that_the_class_has_no_more_is_refused(tmp_path: Path) -> None:
    """Positions relative to each other, which transformers 5 took out of BERT and would drop silently."""
    with pytest.raises(ModelError) as caught:
        open_model(saved_bert(tmp_path, position_embedding_type="relative_key"))
    assert caught.value.reason == (
        "config.json: position_embedding_type is 'relative_key', but transformers' Bert computes only "
        f"'absolute'; {CURE}"
    )


OLD = {  # of bert-base-uncased and its relatives, written by transformers 2 to 4
    "_name_or_path": "x", "architectures": ["BertForMaskedLM"], "directionality": "bidi",
    "finetuning_task": None, "gradient_checkpointing": False, "num_labels": 2, "output_past": True,
    "pooler_fc_size": 768, "pooler_type": "first_token_transform", "position_embedding_type": "absolute",
    "pre_layer_norm": False, "pruned_heads": {}, "sep_token_id": 3, "summary_type": "first",
    "task_specific_params": None, "tokenizer_class": "BertTokenizer", "torch_dtype": "float32",
    "torchscript": False, "transformers_version": "4.6.0", "use_bfloat16": False, "temperature": 1.0,
    "auto_map": {"AutoTokenizer": ["own.Words", None]},
}  # fmt: skip


def test_settings_that_change_no_hidden_state_are_no_hindrance(tmp_path: Path) -> None:
    model, warnings = open_model(saved_bert(tmp_path, **OLD))
    assert model.layers == 2
    assert not warnings


ESM_2: Config = {  # facebook/esm2_t12_35M_UR50D, from a copy that was trained further; sizes shrunk
    "architectures": ["EsmForMaskedLM"], "attention_probs_dropout_prob": 0.0, "classifier_dropout": None,
    "emb_layer_norm_before": False, "esmfold_config": None, "hidden_act": "gelu", "hidden_dropout_prob": 0.0,
    "hidden_size": 40, "initializer_range": 0.02, "intermediate_size": 80, "is_folding_model": False,
    "layer_norm_eps": 1e-05, "mask_token_id": 32, "max_position_embeddings": 1026, "model_type": "esm",
    "num_attention_heads": 4, "num_hidden_layers": 2, "pad_token_id": 1,
    "position_embedding_type": "rotary", "token_dropout": True, "torch_dtype": "float32",
    "transformers_version": "4.31.0", "use_cache": True, "vocab_list": None, "vocab_size": 33,
}  # fmt: skip


def test_esm_2_is_read_by_the_class_of_transformers(tmp_path: Path) -> None:
    transformers.EsmModel(transformers.EsmConfig(**ESM_2)).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(ESM_2))
    assert opener(ESM_2) is open_native
    assert open_model(tmp_path)[0].layers == 2
    assert licence_notice("model", ESM_2, tmp_path) == ""


MAMBA: Config = {  # state-spaces/mamba-130m-hf, with its sizes shrunk
    "architectures": ["MambaForCausalLM"], "bos_token_id": 0, "conv_kernel": 4, "d_inner": 64, "d_model": 32,
    "eos_token_id": 0, "expand": 2, "fused_add_norm": True, "hidden_act": "silu", "hidden_size": 32,
    "initializer_range": 0.1, "intermediate_size": 64, "layer_norm_epsilon": 1e-05, "model_type": "mamba",
    "n_layer": 2, "num_hidden_layers": 2, "pad_token_id": 0, "pad_vocab_size_multiple": 8,
    "rescale_prenorm_residual": False, "residual_in_fp32": True, "rms_norm": True, "ssm_cfg": {},
    "state_size": 16, "time_step_floor": 0.0001, "time_step_init_scheme": "random", "time_step_max": 0.1,
    "time_step_min": 0.001, "time_step_rank": 2, "time_step_scale": 1.0, "torch_dtype": "float32",
    "transformers_version": "4.39.1", "use_bias": False, "use_cache": True, "use_conv_bias": True,
    "vocab_size": 304,
}  # fmt: skip


@pytest.mark.parametrize(("key", "value"), [("n_layer", 3), ("d_model", 64), ("rms_norm", False)])
def test_mamba_opens_by_its_published_settings_and_not_with_others(
    key: str, value: object, tmp_path: Path
) -> None:
    transformers.MambaModel(transformers.MambaConfig(**MAMBA)).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(MAMBA))
    model, warnings = open_model(tmp_path)
    assert (model.layers, model.width, warnings) == (2, 32, [])
    (tmp_path / "config.json").write_text(json.dumps(MAMBA | {key: value}))
    with pytest.raises(ModelError, match=f"config.json(:| sets) {key}"):
        open_model(tmp_path)


@pytest.mark.parametrize(("epsilon", "reads"), [(1e-5, True), (1e-6, False)])
def test_a_second_name_of_a_setting_may_only_repeat_it(epsilon: float, reads: bool, tmp_path: Path) -> None:
    """ModernBERT's published file has layer_norm_eps beside the norm_eps that its class reads."""
    config = transformers.ModernBertConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2,
    )  # fmt: skip
    transformers.ModernBertModel(config).save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text()) | {"layer_norm_eps": epsilon}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    if reads:
        assert open_model(tmp_path)[0].layers == 2
    else:
        with pytest.raises(ModelError, match="sets layer_norm_eps, which transformers' ModernBert"):
            open_model(tmp_path)


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("nucleotide-transformer-v2-50m-multi-species", "Nucleotide Transformer"),
        ("DNABERT-S", "DNABERT-2"),
        ("gena-lm-bert-base-t2t", "pre-norm BERT (GENA-LM)"),
    ],
)
def test_networks_of_gindex_refuse_what_they_do_not_compute(name: str, reader: str, tmp_path: Path) -> None:
    unread = (
        f"config.json sets residual_scale, which {reader} does not compute, so its vectors would be wrong"
    )
    assert refusal(tmp_path, READ[name] | {"residual_scale": 0.5}) == f"{unread}; {CURE}"
    relu = f"config.json: hidden_act is 'relu', but {reader} computes only 'gelu'"
    assert refusal(tmp_path, READ[name] | {"hidden_act": "relu"}) == f"{relu}; {CURE}"
