"""Tuning of an annotation model on a baked corpus: AdamW with warm-up, clipping and accumulation.

Every step is decided by its number and the seed, so a run that was killed goes on to the same weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from shlex import quote

import numpy as np
from torch import Tensor

from genome_index.encoders.batching import best_device
from genome_index.encoders.checkpoint import digest
from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel
from genome_index.errors import UsageError
from genome_index.lab.annotate.corpus.examples import Example, Examples
from genome_index.lab.annotate.corpus.windows import WindowPlan
from genome_index.lab.annotate.model.base_places import BasePlaces
from genome_index.lab.annotate.model.folder import open_model_folder, origin_of, write_annotation
from genome_index.lab.annotate.model.pointer_script import script_of
from genome_index.lab.annotate.model.target_words import TargetWords, words_of
from genome_index.lab.annotate.tokens.tokenizer import AnnotationTokenizer
from genome_index.lab.annotate.training.adapters import add_adapters, merge_adapters
from genome_index.lab.annotate.training.example_file import ExampleFile
from genome_index.lab.annotate.training.free_words import free_words
from genome_index.lab.annotate.training.freezing import FirstSteps, first_steps, freeze_of
from genome_index.lab.annotate.training.pointer_batches import batch_of, loss_of, sources_of
from genome_index.lab.annotate.training.text_batches import text_batch, text_loss
from genome_index.lab.training.run_card import Card, Display, Schedule
from genome_index.lab.training.runs import Validation, train
from genome_index.records import Progress, quiet

VALIDATED = 64  # windows of the validation part, at most, of which the loss is measured
VALIDATIONS = 20  # of a run
SAVES, SAVE_EVERY = 20, 50  # checkpoints of a short run; steps between those of a long one


@dataclass(frozen=True)
class TuningPlan:
    """How a model is tuned."""

    steps: int = 1_000
    batch: int = 16  # windows in memory at once
    accumulate: int = 1  # batches in a step
    rate: float = 5e-4  # highest learning rate; for models with random weights
    warm_up: float = 0.05  # share of the steps
    decay: float = 0.01  # of the weights
    clip: float = 1.0  # largest norm of the gradients
    freeze: tuple[str, ...] = ()  # PART:STEPS each, see `freezing`
    unfreeze_every: int = 0  # steps after which one layer more is trained, from the top; 0: all at once
    adapters: int = 0  # rank of adapters, beside which only what is new is trained; 0: none, all is trained
    adapter_scale: float = 2.0  # of what they add
    seed: int = 0

    def __post_init__(self) -> None:
        for option in ("unfreeze_every", "adapters"):
            if getattr(self, option) < 0:
                raise UsageError(f"--{option.replace('_', '-')} {getattr(self, option)}: give 0 or more")
        tuple(map(freeze_of, self.freeze))
        for option in ("steps", "batch", "accumulate"):
            if getattr(self, option) < 1:
                raise UsageError(f"--{option} {getattr(self, option)}: give 1 or more")

    @property
    def schedule(self) -> Schedule:
        often = min(SAVE_EVERY, max(1, self.steps // SAVES))
        return Schedule(self.steps, self.rate, self.warm_up, self.decay, self.clip, self.seed, often)

    @property
    def options(self) -> str:
        """The options of the command that say what is trained, each with a blank before it; empty for all."""
        freeze = "".join(f" --freeze {each}" for each in self.freeze)
        gradual = f" --unfreeze-every {self.unfreeze_every}" if self.unfreeze_every else ""
        scale = f" --adapter-scale {self.adapter_scale:g}"
        return freeze + gradual + (f" --adapters {self.adapters}{scale}" if self.adapters else "")

    def first_steps(self, model: AnnotationModel) -> FirstSteps:
        """The first step in which each parameter is trained; UsageError if none is in the first step."""
        freezes = tuple(map(freeze_of, self.freeze))
        return first_steps(model, freezes, self.unfreeze_every, bool(self.adapters))


@dataclass(frozen=True)
class Tuning:
    """A model with what turns windows into its loss."""

    model: AnnotationModel
    tokenizer: AnnotationTokenizer
    words: TargetWords

    def loss(self, examples: Sequence[Example]) -> Tensor:
        """Nats of a choice: examples -> ()."""
        device = next(self.model.parameters()).device
        windows = [self.tokenizer.source(example.bases) for example in examples]
        pad, config = self.tokenizer.pad, self.model.config
        sources = sources_of(windows, pad, config.context)
        if self.model.pointers is None:
            targets = [self.tokenizer.target_ids(example.target) for example in examples]
            batch = text_batch(sources, targets, pad)
            return text_loss(self.model, batch.to(device), self._allowed.to(device))
        scripts = [
            script_of(example.lines, self.words, BasePlaces(source, example.before, example.after))
            for example, source in zip(examples, windows, strict=True)
        ]
        steps = batch_of(sources, scripts, config.vocabulary)
        return loss_of(self.model, steps.to(device), self._allowed.to(device))

    @cached_property
    def _allowed(self) -> Tensor:
        return free_words(self.model, self.tokenizer, self.words)


def tune(
    corpus: Path, model: Path, out: Path, plan: TuningPlan | None = None, progress: Progress = quiet
) -> Card:
    """Tune a model on the train part of a corpus, or go on; `out` is then a model folder with its run.

    Raises
    ------
    UsageError, InputError, ModelError
    """
    plan = plan or TuningPlan()
    examples = Examples(corpus)
    examples.check()
    network, files = open_model_folder(model)
    tokenizer = AnnotationTokenizer(files, str(model))
    if plan.adapters:
        add_adapters(network, plan.adapters, plan.adapter_scale, plan.seed)
    network.to(best_device().name)
    trained = plan.first_steps(network)
    tuning = Tuning(network, tokenizer, words_of(tokenizer))
    part = ExampleFile(corpus, "train")
    display = Display("nats a choice", command=_command(corpus, model, out, plan))
    # "0" is what runs without frozen parts have always had here, and older ones are to continue.
    kind = (examples.digest, digest(model), plan.batch, plan.accumulate, plan.options.strip() or "0")
    data = " ".join(map(str, kind))
    validation = _validation(tuning, corpus, examples, plan)
    card = train(
        out, network, _loss_of_step(tuning, part, plan, trained), plan.schedule, data, progress, display,
        validation,
    )  # fmt: skip
    if plan.adapters:
        merge_adapters(network)
    windows = {each.name: examples.settings[each.name] for each in fields(WindowPlan)}
    settings = {**asdict(plan), "freeze": ", ".join(plan.freeze) or "nothing"}
    origin = {**origin_of(model), "corpus": corpus.name, **windows, **settings}
    write_annotation(out, network, files, origin)
    return card


def _command(corpus: Path, model: Path, out: Path, plan: TuningPlan) -> str:
    """The command that repeats the run, with names of folders for paths."""
    folders = f"{quote(corpus.name)} --model {quote(model.name)} --out {quote(out.name)}"
    return (
        f"gindex lab annotate train {folders} --steps {plan.steps} --batch {plan.batch} "
        f"--accumulate {plan.accumulate} --rate {plan.rate}{plan.options} --seed {plan.seed}"
    )


def _loss_of_step(
    tuning: Tuning, part: ExampleFile, plan: TuningPlan, trained: FirstSteps
) -> Callable[[int], Tensor | float]:
    """The function from a step to its loss; of several batches it adds the gradients itself."""

    def loss_at(step: int) -> Tensor | float:
        trained.apply(step)
        draws = np.random.default_rng([plan.seed, step]).integers(
            len(part), size=(plan.accumulate, plan.batch)
        )
        if plan.accumulate == 1:
            return tuning.loss([part[number] for number in draws[0].tolist()])
        total = 0.0
        for numbers in draws.tolist():
            loss = tuning.loss([part[number] for number in numbers]) / plan.accumulate
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return total

    return loss_at


def _validation(tuning: Tuning, corpus: Path, examples: Examples, plan: TuningPlan) -> Validation | None:
    """The loss of evenly spaced windows of the validation part, some times during the run."""
    if not examples.count("validation"):
        return None
    part = ExampleFile(corpus, "validation")
    numbers = np.linspace(0, len(part) - 1, min(VALIDATED, len(part))).astype(int).tolist()
    groups = [numbers[at : at + plan.batch] for at in range(0, len(numbers), plan.batch)]

    def loss() -> float:
        sums = [float(tuning.loss([part[number] for number in group])) * len(group) for group in groups]
        return sum(sums) / len(numbers)

    return Validation(loss, max(1, plan.steps // VALIDATIONS))
