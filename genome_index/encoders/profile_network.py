"""Profile network for training, in torch; tensors have the names that profile.py reads."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from genome_index.encoders.profile import EPSILON, ProfileConfig, shapes, write_profile


class ProfileNetwork(nn.Module):
    """Profiles of length 1 -> vectors of length 1: (B, V) -> (B, D)."""

    def __init__(self, config: ProfileConfig) -> None:
        super().__init__()
        self.config = config
        if config.hidden:
            self.first = nn.Linear(config.kmers, config.hidden)
            self.norm = nn.BatchNorm1d(config.hidden, eps=EPSILON)
            self.drop = nn.Dropout(config.dropout)
        self.last = nn.Linear(config.hidden or config.kmers, config.dim)

    def forward(self, profiles: Tensor) -> Tensor:
        hidden = profiles
        if self.config.hidden:
            hidden = self.drop(torch.sigmoid(self.norm(self.first(hidden))))
        return nn.functional.normalize(self.last(hidden), dim=1)

    def start_from(self, components: Tensor) -> None:
        """Set the first layer to components fitted without labels: (V, at most its width)."""
        layer = self.first if self.config.hidden else self.last
        with torch.no_grad():
            layer.weight[: components.shape[1]] = components.T
            layer.bias.zero_()


def save_profile(network: ProfileNetwork, folder: Path) -> None:
    """Write the folder that `Profile.load` reads."""
    state = network.state_dict()
    weights = {name: state[name].detach().cpu().float().numpy() for name in shapes(network.config)}
    write_profile(network.config, weights, folder)
