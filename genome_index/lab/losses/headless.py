"""Headless loss: a state is to be nearest to the embedding of its own token among those of the batch.

Godey, de la Clergerie and Sagot 2023 (arXiv 2309.08351), "contrastive weight tying": with states h and input
embeddings e,

    L = - mean over i of log( exp(h_i e_{y_i}) / sum over j in the batch of exp(h_i e_{y_j}) )

The sum has each token as often as the batch has it. With few tokens it is so the sum over tokens u of
n_u exp(h e_u), and the loss is cross entropy with tied weights and the logarithm of the counts added to the
logits. With four letters a quarter of the terms are the right one; `distinct` counts each token once.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genome_index.lab.losses.reading import Reading


class Headless:
    """Contrastive weight tying over the tokens that a batch predicts."""

    def __init__(self, distinct: bool = False) -> None:
        self.distinct = distinct

    def __call__(self, reading: Reading) -> Tensor:
        """Mean nats of a predicted position: ()."""
        outputs = reading.outputs
        states, targets = outputs.hidden[reading.predicted].float(), reading.batch.targets[reading.predicted]
        tokens, own, counts = torch.unique(targets, return_inverse=True, return_counts=True)
        scores = states @ outputs.table[tokens].float().T  # (N, U)
        weights = torch.zeros_like(scores[0]) if self.distinct else counts.to(scores).log()
        # The right token's own term has no count: log(n_u) is in the sum alone.
        right = scores.gather(1, own[:, None])[:, 0]
        return (torch.logsumexp(scores + weights, 1) - right).mean()
