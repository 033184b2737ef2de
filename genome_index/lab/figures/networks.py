"""Trained networks of a study's runs, as probabilities of the next base."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genome_index.errors import InputError, UsageError
from genome_index.lab.architectures.networks import StudyNetwork
from genome_index.lab.corpus.packing import Codes
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.figures.windows import Doubles, NextBase
from genome_index.lab.losses.reading import BASES, FIRST_BASE
from genome_index.lab.study.plan import RunPlan
from genome_index.lab.study.run import BEST, Trained
from genome_index.lab.study.scores import Head
from genome_index.lab.study.study import RUNS
from genome_index.lab.tokenizers.special_ids import CLS

Row = dict[str, Any]


def plan_of(row: Row) -> RunPlan:
    """The plan of a run, from its row."""
    return RunPlan(**{each.name: row[each.name] for each in fields(RunPlan)})


def require_trained_on(shards: Shards, rows: list[Row]) -> None:
    """Refuse a corpus that a run was not trained on, as its fingerprint says.

    Raises
    ------
    UsageError
    """
    for row in rows:
        if plan_of(row).fingerprint(shards.digest) != row["fingerprint"]:
            raise UsageError(
                f"{shards.path}: run {row['fingerprint']} was trained on another corpus, or by another "
                "gindex; give the corpus of the study's plan"
            )


def network_of_run(row: Row, folder: Path, device: str) -> StudyNetwork:
    """The network of a run with its best weights, in evaluation mode.

    Raises
    ------
    InputError
        Its weights are not there, or not those of its plan.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / RUNS / row["fingerprint"] / BEST
    trained = Trained(plan_of(row), device)
    try:
        trained.load_state_dict(load_file(path, device=device))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            str(path), f"no weights of its run can be read ({reason}); train it again, in another --out"
        ) from error
    trained.eval().requires_grad_(False)
    return trained.network


def network_next(network: StudyNetwork, head: Head | None = None) -> NextBase:
    """A causal network, by its own head or by a new one; specials have no probability."""
    device = next(network.parameters()).device

    def next_base(prefixes: Codes) -> Doubles:
        bases = torch.from_numpy(prefixes.astype(np.int64) + FIRST_BASE)
        start = torch.full((len(prefixes), 1), CLS)
        with torch.inference_mode():
            outputs = network(torch.cat([start, bases], dim=1).to(device))
            logits = outputs.logits[:, -1, FIRST_BASE : FIRST_BASE + BASES]
            if head is not None:
                logits = head.logits(outputs.hidden[:, -1].float())
            return np.asarray(logits.double().softmax(-1).cpu().numpy())

    return next_base
