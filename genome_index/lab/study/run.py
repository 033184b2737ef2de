"""One run of a study: a network trained with a loss, its best weights, and its scores.

The network is validated some times during the run, by the loss that it is trained with. The weights of the
lowest validation loss are kept and read in the end; test fragments are read once, after that, and not at all
by runs that look for a learning rate.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from torch import Tensor, nn

from genome_index.encoders.checkpoint import SAVED_TOKENIZER
from genome_index.lab.architectures.equal_shapes import chosen_shape
from genome_index.lab.architectures.networks import StudyNetwork
from genome_index.lab.architectures.table import Task, network_of, operations_of, parameters_of
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import Part
from genome_index.lab.losses.combination import WeightedSum
from genome_index.lab.losses.reading import Reading
from genome_index.lab.study.batches import StudyBatches
from genome_index.lab.study.distinct import distinct_genomes
from genome_index.lab.study.grid import parts_of
from genome_index.lab.study.plan import RunPlan
from genome_index.lab.study.scores import EXAMINED, Head, fitted_head, head_bits, own_bits
from genome_index.lab.study.search import genus_found, search_set
from genome_index.lab.study.tracking import Tracker
from genome_index.lab.tokenizers.kmers import KnownBases, save_tokenizer
from genome_index.lab.training.run_card import Card, Display, Schedule
from genome_index.lab.training.runs import Validation, train

BEST, MODEL = "best.safetensors", "model"
VALIDATIONS = 10  # in a run


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
    genus_found: float  # share of test pieces whose nearest one of another species has their genus


class Trained(nn.Module):
    """A network and the loss it is trained with, whose own parameters are saved with it."""

    def __init__(self, plan: RunPlan, device: str) -> None:
        super().__init__()
        task = Task(plan.direction, plan.length)
        self.shape = chosen_shape(plan.architecture, plan.size, plan.equal, task)
        self.network: StudyNetwork = network_of(plan.architecture, self.shape, task, plan.seed)
        self.loss = WeightedSum(parts_of(plan.loss), plan.weighing)
        self.to(device)
        if device == "cuda":
            cast("nn.Module", self.network).compile()


def run(
    plan: RunPlan, corpus: Path, folder: Path, device: str = "cpu", track: Path | None = None
) -> RunScores:
    """Train, or go on with, a run in a folder; its model is then in the folder `model` within.

    Curves are written for TensorBoard to the folder `track`. On a GPU the network is compiled, and trained
    in bfloat16.

    Raises
    ------
    UsageError, InputError
    """
    shards, trained, tracker = Shards.open(corpus), Trained(plan, device), Tracker(track, plan)
    batches = batches_of(plan, shards, folder.parent.parent)
    keeper = _BestWeights(trained, batches["validation"], folder, device, tracker)
    every = max(1, plan.steps // VALIDATIONS)
    schedule = Schedule(plan.steps, plan.rate, decay=0.01, seed=plan.seed, save_every=every)

    def loss_at(step: int) -> Tensor:
        loss = _loss(trained, batches["train"], step, device)
        tracker.training(step, loss.detach())
        return loss

    card = train(
        folder, trained, loss_at, schedule, f"{shards.digest} {plan.fingerprint(shards.digest)}",
        display=Display("loss", tokens=plan.batch * plan.length),
        validation=Validation(keeper.measure, every),
    )  # fmt: skip
    keeper.restore()
    _write(trained.network, folder / MODEL)
    scores = _scores(plan, trained, batches, card, folder / MODEL)
    tracker.close(asdict(scores))
    return scores


def untrained(plan: RunPlan, shards: Shards) -> float:
    """Genera found by the network of a plan with its random weights."""
    network = Trained(plan, "cpu").network
    with TemporaryDirectory() as work:
        _write(network, Path(work))
        return genus_found(work, search_set(shards))


def _write(network: StudyNetwork, folder: Path) -> None:
    network.write(folder)
    save_tokenizer(KnownBases(), folder / SAVED_TOKENIZER)


def batches_of(plan: RunPlan, shards: Shards, study: Path) -> dict[Part, StudyBatches]:
    """Batches of each part; those of validation and testing are the same for all runs."""
    among = distinct_genomes(shards, plan.deduplicated, study)
    parts: tuple[Part, ...] = ("validation", "test")
    examined = {part: StudyBatches(shards, part, plan.direction, plan.length, plan.batch) for part in parts}
    return examined | {
        "train": StudyBatches(
            shards, "train", plan.direction, plan.length, plan.batch, plan.seed, plan.temperature,
            plan.curriculum, plan.steps, among,
        )
    }  # fmt: skip


def _scores(
    plan: RunPlan, trained: Trained, batches: dict[Part, StudyBatches], card: Card, model: Path
) -> RunScores:
    network, task = trained.network, Task(plan.direction, plan.length)
    step, lowest = min(card.validation, key=lambda pair: pair[1])
    head = new_head(network, batches["train"])
    return RunScores(
        trained.shape.width, trained.shape.layers, parameters_of(plan.architecture, trained.shape, task),
        operations_of(plan.architecture, trained.shape, task), plan.steps * plan.batch * plan.length,
        card.seconds, lowest, step,
        own_bits(network, batches["validation"]), head_bits(network, head, batches["validation"]),
        *_test_scores(plan, network, head, batches["test"], model),
    )  # fmt: skip


def new_head(network: StudyNetwork, training: StudyBatches) -> Head:
    """A linear head on the frozen states of a run, fitted on fragments without its curriculum."""
    return fitted_head(network, replace(training, curriculum="none"))


def _test_scores(
    plan: RunPlan, network: StudyNetwork, head: Head, batches: StudyBatches, model: Path
) -> tuple[float, float, float]:
    """Bits by both heads, and genera found; a run that looks for a rate does not read the test part."""
    if plan.kind == "sweep":
        return math.nan, math.nan, math.nan
    found = genus_found(str(model), search_set(batches.shards))
    return own_bits(network, batches), head_bits(network, head, batches), found


def _loss(trained: Trained, batches: StudyBatches, step: int, device: str) -> Tensor:
    return cast("Tensor", trained.loss(Reading(batches.at(step).to(device), trained.network)))


class _BestWeights:
    """The validation loss, and the weights of its lowest value so far in a file."""

    def __init__(
        self, trained: Trained, batches: StudyBatches, folder: Path, device: str, tracker: Tracker
    ) -> None:
        self.trained, self.batches, self.path, self.device = trained, batches, folder / BEST, device
        self.tracker = tracker

    def measure(self) -> float:
        """The mean loss of validation fragments; if it is the lowest, the weights are kept."""
        steps = range(-(-EXAMINED // self.batches.size))
        losses = [float(_loss(self.trained, self.batches, step, self.device)) for step in steps]
        mean = sum(losses) / len(losses)
        self.tracker.validation(mean)
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
