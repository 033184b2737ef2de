"""Small annotation models with random weights, and their settings."""

from __future__ import annotations

from helpers.dnabert2_folder import HEADS, INNER, LAYERS, VOCABULARY, WIDTH


def settings(**changes):
    """The shape of `write_dnabert2`, with experts everywhere and no limit of capacity."""
    from genome_index.encoders.networks.annotation.config import AnnotationConfig

    shape = {
        "vocabulary": VOCABULARY, "width": WIDTH, "layers": LAYERS, "decoder_layers": LAYERS, "heads": HEADS,
        "inner": INNER, "experts": 4, "top_k": 2, "moe_every": 1, "capacity_training": None,
        "capacity_evaluation": None,
    }  # fmt: skip
    return AnnotationConfig(**{**shape, **changes})


def random_network(seed: int = 7, **changes):
    """Every weight random, those that begin as 0 and 1 too: what is left out must show.

    Norms keep a mean of 1, or each layer would shrink the differences between tokens.
    """
    import torch

    from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel

    model = AnnotationModel(settings(**changes))
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            norm = name.lower().endswith("layernorm.weight")
            scale = 0.3 if weight.dim() == 1 else weight.shape[-1] ** -0.5
            weight.copy_(norm + scale * torch.randn(weight.shape, generator=draws))
    return model.eval().requires_grad_(False)
