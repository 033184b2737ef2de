"""One run of a study: a network trained with a loss, its best weights, and its scores.

The network is validated some times during the run, by the loss that it is trained with. The weights of the
lowest validation loss are kept and read in the end; test fragments are read once, after that, and not at all
by runs that look for a learning rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from torch import Tensor, nn

from genome_index.encoders.checkpoint import SAVED_TOKENIZER
from genome_index.lab.architectures.networks import StudyNetwork
from genome_index.lab.architectures.shapes import Shape, shape_of
from genome_index.lab.architectures.table import Task, network_of, operations_of, parameters_of, shape_like
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.losses.combination import WeightedSum
from genome_index.lab.losses.reading import Reading
from genome_index.lab.study.batches import StudyBatches
from genome_index.lab.study.plan import RunPlan, parts_of
from genome_index.lab.study.scores import EXAMINED, Head, fitted_head, head_bits, own_bits
from genome_index.lab.tokenizers.kmers import KnownBases, save_tokenizer
from genome_index.lab.training.run_card import Display, Schedule
from genome_index.lab.training.runs import Validation, train

BEST, MODEL = "best.safetensors", "model"
VALIDATIONS = 10  # in a run
LIKE = "pythia"  # whose parameters others are given


@dataclass(frozen=True)
class RunScores:
    """What came of a run."""

    width: int
    layers: int
    parameters: int
    operations: float  # of a token, forward
    tokens: int  # read in training
    seconds: float
    validation_loss: float  # the lowest, in the loss's own unit
    best_step: int
    validation_bits: float  # a base, by the network's own head
    validation_head_bits: float  # by a new head on frozen states
    test_bits: float  # NaN in a sweep
    test_head_bits: float


class Trained(nn.Module):
    """A network and the loss it is trained with, whose own parameters are saved with it."""

    def __init__(self, plan: RunPlan, device: str) -> None:
        super().__init__()
        task = Task(plan.direction, plan.length)
        self.shape = chosen_shape(plan, task)
        self.network: StudyNetwork = network_of(plan.architecture, self.shape, task, plan.seed)
        self.loss = WeightedSum(parts_of(plan.loss), plan.weighing)
        self.to(device)


def chosen_shape(plan: RunPlan, task: Task) -> Shape:
    """The shape of a size, or the one that has as many parameters as LIKE at that size."""
    shape = shape_of(plan.size)
    if plan.equal == "shape":
        return shape
    target = parameters_of(LIKE, shape, Task("causal", task.length))
    return shape_like(plan.architecture, target, shape, task)


def run(plan: RunPlan, corpus: Path, folder: Path, device: str = "cpu") -> RunScores:
    """Train, or go on with, a run in a folder; its model is then in the folder `model` within.

    Raises
    ------
    UsageError, InputError
    """
    shards, trained = Shards.open(corpus), Trained(plan, device)
    parts = {
        part: StudyBatches(shards, part, plan.direction, plan.length, plan.batch)
        for part in ("validation", "test")
    }
    training = StudyBatches(
        shards, "train", plan.direction, plan.length, plan.batch, plan.seed, plan.temperature
    )
    keeper = _BestWeights(trained, parts["validation"], folder, device)
    schedule = Schedule(
        plan.steps, plan.rate, decay=0.01, seed=plan.seed, save_every=max(1, plan.steps // VALIDATIONS)
    )
    card = train(
        folder, trained, lambda step: _loss(trained, training, step, device), schedule,
        f"{shards.digest} {plan.fingerprint(shards.digest)}",
        display=Display("loss", tokens=plan.batch * plan.length),
        validation=Validation(keeper.measure, max(1, plan.steps // VALIDATIONS)),
    )  # fmt: skip
    step, lowest = min(card.validation, key=lambda pair: pair[1])
    keeper.restore()
    trained.network.write(folder / MODEL)
    save_tokenizer(KnownBases(), folder / MODEL / SAVED_TOKENIZER)
    network, task = trained.network, Task(plan.direction, plan.length)
    head = fitted_head(network, training)
    return RunScores(
        trained.shape.width, trained.shape.layers, parameters_of(plan.architecture, trained.shape, task),
        operations_of(plan.architecture, trained.shape, task), plan.steps * plan.batch * plan.length,
        card.seconds, lowest, step,
        own_bits(network, parts["validation"]), head_bits(network, head, parts["validation"]),
        *_test_bits(plan, network, head, parts["test"]),
    )  # fmt: skip


def _test_bits(
    plan: RunPlan, network: StudyNetwork, head: Head, batches: StudyBatches
) -> tuple[float, float]:
    """By both heads; a run that looks for a rate does not read the test part."""
    if plan.kind == "sweep":
        return math.nan, math.nan
    return own_bits(network, batches), head_bits(network, head, batches)


def _loss(trained: Trained, batches: StudyBatches, step: int, device: str) -> Tensor:
    return cast("Tensor", trained.loss(Reading(batches.at(step).to(device), trained.network)))


class _BestWeights:
    """The validation loss, and the weights of its lowest value so far in a file."""

    def __init__(self, trained: Trained, batches: StudyBatches, folder: Path, device: str) -> None:
        self.trained, self.batches, self.path, self.device = trained, batches, folder / BEST, device

    def measure(self) -> float:
        """The mean loss of validation fragments; if it is the lowest, the weights are kept."""
        steps = range(-(-EXAMINED // self.batches.size))
        losses = [float(_loss(self.trained, self.batches, step, self.device)) for step in steps]
        mean = sum(losses) / len(losses)
        if mean < self._lowest():
            self._keep(mean)
        return mean

    def restore(self) -> None:
        from safetensors.torch import load_file

        self.trained.load_state_dict(load_file(self.path, device=self.device))

    def _lowest(self) -> float:
        from safetensors import safe_open

        if not self.path.is_file():
            return float("inf")
        with safe_open(self.path, "pt") as file:
            return float((file.metadata() or {})["loss"])

    def _keep(self, loss: float) -> None:
        from safetensors.torch import save

        from genome_index.io.atomic import write_file

        self.path.parent.mkdir(parents=True, exist_ok=True)
        weights = {name: part.detach().cpu().clone() for name, part in self.trained.state_dict().items()}
        write_file(self.path, save(weights, {"loss": repr(loss)}))
