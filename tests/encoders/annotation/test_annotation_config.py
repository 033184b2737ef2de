"""Settings of an annotation model: what is refused, with which sentence, and the layers with experts."""

from dataclasses import asdict, replace

import pytest
from helpers.annotation_models import settings

pytest.importorskip("torch")

from genome_index.encoders.networks.annotation.config import AnnotationConfig, config_of
from genome_index.errors import ModelError, UsageError


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"width": 0}, "width is 0: give 1 or more"),
        ({"layers": True}, "layers is True: give 1 or more"),
        ({"moe_every": 0}, "moe_every is 0: give 1 or more"),
        ({"width": 50}, "a width of 50 cannot be shared by 6 heads; give a multiple of the heads"),
        ({"experts": 1}, "experts is 1: give 2 or more, or 0 for none"),
        ({"top_k": 5}, "top_k is 5: give 1 to 4 experts"),
        ({"top_k": 0}, "top_k is 0: give 1 to 4 experts"),
        ({"capacity_training": 0.0}, "capacity_training is 0.0: give a factor above 0, or none"),
        ({"coordinates": "bins"}, "coordinates is 'bins': choose one of pointers, text"),
        ({"experts_in": "head"}, "experts_in is 'head': choose one of both, encoder, decoder"),
    ],
    ids=str,
)
def test_settings_that_no_model_has_are_refused(change, sentence):
    with pytest.raises(UsageError) as refused:
        settings(**change)
    assert str(refused.value) == f"annotation model: {sentence}"


@pytest.mark.parametrize(
    ("change", "encoder", "decoder"),
    [
        ({"moe_every": 1}, (0, 1, 2, 3), (0, 1, 2, 3, 4, 5)),
        ({"moe_every": 2}, (1, 3), (1, 3, 5)),
        ({"moe_every": 3, "experts_in": "decoder"}, (), (2, 5)),
        ({"moe_every": 2, "experts_in": "encoder"}, (1, 3), ()),
        ({"experts": 0}, (), ()),
    ],
    ids=str,
)
def test_the_layers_with_experts(change, encoder, decoder):
    config = settings(layers=4, decoder_layers=6, **change)
    assert config.expert_layers("encoder") == encoder
    assert config.expert_layers("decoder") == decoder


def test_the_fingerprint_changes_with_each_setting():
    config = settings()
    others = {
        "vocabulary": 301, "width": 60, "layers": 4, "decoder_layers": 4, "heads": 4, "inner": 81,
        "epsilon": 1e-6, "experts": 5, "top_k": 1, "moe_every": 2, "experts_in": "decoder",
        "capacity_training": 1.0, "capacity_evaluation": 2.0, "load_balance": 0.1, "router_z": 0.1,
        "tie_weights": False, "coordinates": "text", "context": 3, "codon_phase": False,
        "one_way_heads": True,
    }  # fmt: skip
    assert others.keys() == asdict(config).keys()
    prints = {replace(config, **{name: value}).fingerprint() for name, value in others.items()}
    assert len(prints | {config.fingerprint()}) == len(others) + 1
    assert config.fingerprint() == settings().fingerprint()
    assert len(config.fingerprint()) == 16


def test_config_json_holds_the_settings_by_their_names():
    config = settings()
    assert config_of({"model_type": "any", **asdict(config)}, "here") == config


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"heads": ...}, "config.json gives no heads; download the model again"),
        (
            {"experts": 1},
            "config.json: annotation model: experts is 1: give 2 or more, or 0 for none; download the model "
            "again",
        ),
    ],
    ids=["missing", "wrong"],
)
def test_a_config_json_of_no_model_is_refused(change, reason):
    told = {**asdict(settings()), **change}
    with pytest.raises(ModelError) as refused:
        config_of({key: value for key, value in told.items() if value is not ...}, "a/folder")
    assert str(refused.value) == f"a/folder: {reason}"


def test_the_defaults_are_those_of_dnabert2():
    config = AnnotationConfig(vocabulary=4096)
    assert (config.width, config.layers, config.heads, config.inner) == (768, 12, 12, 3072)
