"""A per-base tagger beside the annotation model: the same encoder, a linear head, the same windows and steps.

    PYTHONPATH=. python tests/bench/annotate_tagger.py CORPUS MODEL OUT [STEPS BATCH RATE WEIGHT]

CORPUS is a baked corpus with CDS, MODEL a folder of `gindex lab annotate init` whose tokens have at most three
bases. On each strand a base is outside, or the left end, the inside or the right end of a CDS; the likeliest path
of a window has its ends in order and at most two CDS of a strand over one base. Genes are scored as by `gindex lab
annotate evaluate`. In the loss an end weighs as much as WEIGHT other bases (50), because two bases of some 700 are
ends; its probability is divided by as much before a path is sought. OUT gets the run, and `tagger.json` with all figures, the seconds of training among them.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from genome_index.encoders.batching import best_device
from genome_index.lab.annotate.corpus.examples import Example, Examples
from genome_index.lab.annotate.corpus.target_text import TargetLine
from genome_index.lab.annotate.corpus.windows import Window
from genome_index.lab.annotate.evaluation.contigs import contigs_of
from genome_index.lab.annotate.evaluation.metrics import score
from genome_index.lab.annotate.files.features import Feature
from genome_index.lab.annotate.model.folder import open_model_folder
from genome_index.lab.annotate.prediction.annotate import features_of
from genome_index.lab.annotate.prediction.stitching import WindowLines, stitch
from genome_index.lab.annotate.tokens.tokenizer import AnnotationTokenizer
from genome_index.lab.annotate.training.example_file import ExampleFile
from genome_index.lab.annotate.training.pointer_batches import padded, sources_of
from genome_index.lab.training.run_card import Schedule
from genome_index.lab.training.runs import train

OUTSIDE, LEFT, INSIDE, RIGHT = range(4)
CLASSES, STRANDS = 4, ("+", "-")
PLACES = 3  # bases of a token
BATCH = 32
NO_LABEL = -1

# States of the path: a class, and the CDS that are open behind its base; two where they overlap, as by 4 bp.
STATES = ((OUTSIDE, 0), (LEFT, 1), (INSIDE, 1), (RIGHT, 0), (LEFT, 2), (INSIDE, 2), (RIGHT, 1))
CHANGE = {OUTSIDE: 0, LEFT: 1, INSIDE: 0, RIGHT: -1}
MAY_FOLLOW = np.array(
    [[open_now - CHANGE[kind] == open_before for kind, open_now in STATES] for _, open_before in STATES]
)


class Tagger(nn.Module):
    """The encoder of an annotation model, and for each place of a token a class on each strand."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.model, files = open_model_folder(folder)
        self.tokenizer = AnnotationTokenizer(files, str(folder))
        self.model.decoder, self.model.head, self.model.pointers = nn.Identity(), nn.Identity(), None
        self.head = nn.Linear(self.model.config.width, PLACES * len(STRANDS) * CLASSES)
        self.requires_grad_(True)

    def forward(self, sequences: Sequence[str]) -> Tensor:
        """Logits of each base, context included: B sequences, L bases at most -> (B, L, STRANDS, CLASSES)."""
        windows = [self.tokenizer.source(sequence) for sequence in sequences]
        device = self.head.weight.device
        sources = sources_of(windows, self.tokenizer.pad, self.model.config.context).to(device)
        states = self.head(sources.encode(self.model).encoded)  # (B, T, PLACES * STRANDS * CLASSES)
        slots = padded([slots_of(window.starts, window.ends) for window in windows], 0).to(device)
        by_place = states.view(len(windows), -1, len(STRANDS) * CLASSES)  # (B, T * PLACES, ...)
        logits: Tensor = by_place.gather(1, slots[..., None].expand(-1, -1, by_place.shape[-1]))
        return logits.view(*slots.shape, len(STRANDS), CLASSES)


def slots_of(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """PLACES * token + place of each base of a window: (T,), (T,) -> (L,)."""
    sizes = ends - starts
    assert sizes.max() <= PLACES, "give a model that reads triplets of bases"
    tokens = np.repeat(np.arange(len(starts)), sizes)
    return PLACES * tokens + np.arange(len(tokens)) - starts[tokens]


def labels_of(lines: Sequence[TargetLine], before: int, length: int, after: int) -> np.ndarray:
    """The class of each base on each strand, with no label in the context: (before + length + after, STRANDS)."""
    labels = np.full((length, len(STRANDS)), OUTSIDE)
    coding = [line for line in lines if line.type == "CDS"]
    for line in coding:
        labels[line.start : line.end, STRANDS.index(line.strand)] = INSIDE
    for line in coding:  # ends over the insides of others
        strand = STRANDS.index(line.strand)
        if not line.begins_before:
            labels[line.start, strand] = LEFT
        if not line.ends_after:
            labels[line.end - 1, strand] = RIGHT
    return np.pad(labels, ((before, after), (0, 0)), constant_values=NO_LABEL)


def likeliest_paths(scores: np.ndarray) -> np.ndarray:
    """The states of the best paths by Viterbi's algorithm: (N, L, CLASSES) log probabilities -> (N, L).

    Where a shorter window is padded with zeros, every path goes on at no cost.
    """
    emitted = scores[..., [kind for kind, _ in STATES]]
    best, came_from = emitted[:, 0], np.zeros(emitted.shape, np.int64)
    for at in range(1, scores.shape[1]):
        ways = np.where(MAY_FOLLOW, best[:, :, None], -np.inf)  # (N, before, now)
        came_from[:, at] = ways.argmax(1)
        best = ways.max(1) + emitted[:, at]
    paths = np.zeros(scores.shape[:2], np.int64)
    paths[:, -1] = best.argmax(1)
    for at in range(scores.shape[1] - 1, 0, -1):
        paths[:, at - 1] = np.take_along_axis(came_from[:, at], paths[:, at, None], 1)[:, 0]
    return paths


def lines_of(path: np.ndarray, strand: str) -> Iterator[TargetLine]:
    """The CDS that a path shows: the first that was opened is the first that ends."""
    kind, opened = STATES[path[0]]
    waiting = [(0, True)] * (opened - CHANGE[kind])
    for at, (kind, _) in enumerate(STATES[state] for state in path):
        if kind == LEFT:
            waiting.append((at, False))
        elif kind == RIGHT:
            start, begins_before = waiting.pop(0)
            yield TargetLine("CDS", start, at + 1, strand, 0, at, "", begins_before)
    for number, (start, begins_before) in enumerate(waiting):
        gene = len(path) + number
        yield TargetLine("CDS", start, len(path), strand, 0, gene, "", begins_before, ends_after=True)


def class_weights(end_weight: float) -> Tensor:
    """The weight of each class: (CLASSES,)."""
    return torch.tensor([end_weight if kind in (LEFT, RIGHT) else 1.0 for kind in range(CLASSES)])


def loss_of(tagger: Tagger, examples: Sequence[Example], end_weight: float) -> Tensor:
    """Nats of a base on both strands, the weighted mean of them."""
    labels = [labels_of(each.lines, each.before, each.end - each.start + 1, each.after) for each in examples]
    logits = tagger([each.bases for each in examples])
    right = padded(labels, NO_LABEL).to(logits.device)
    return functional.cross_entropy(
        logits.flatten(0, 2).float(), right.flatten(), class_weights(end_weight).to(logits.device),
        ignore_index=NO_LABEL,
    )  # fmt: skip


@torch.inference_mode()
def written(tagger: Tagger, windows: Sequence[Window], end_weight: float) -> Iterator[WindowLines]:
    # A class that weighs w times as much is learned to be w times as likely.
    prior = class_weights(end_weight).log()
    for at in range(0, len(windows), BATCH):
        own = windows[at : at + BATCH]
        logits = tagger([window.sequence for window in own]).float().cpu()
        scores = (logits - prior).log_softmax(-1).numpy()
        sizes = [window.end - window.start for window in own]
        bases = np.zeros((len(own), len(STRANDS), max(sizes), CLASSES))
        for row, window, size, given in zip(bases, own, sizes, scores, strict=True):
            row[:, :size] = given[window.before : window.before + size].swapaxes(0, 1)
        paths = likeliest_paths(bases.reshape(-1, *bases.shape[2:])).reshape(bases.shape[:3])
        for window, size, path in zip(own, sizes, paths, strict=True):
            yield WindowLines(window.start, window.end, [
                line for strand, states in zip(STRANDS, path, strict=True)
                for line in lines_of(states[:size], strand)
            ])  # fmt: skip


def main(
    corpus: Path, model: Path, out: Path, steps: int = 1000, batch: int = 16, rate: float = 2e-3,
    end_weight: float = 50,
) -> None:  # fmt: skip
    torch.manual_seed(0)
    tagger, part = Tagger(model).to(best_device().name), ExampleFile(corpus, "train")

    def loss_at(step: int) -> Tensor:
        numbers = np.random.default_rng([0, step]).integers(len(part), size=batch).tolist()
        return loss_of(tagger, [part[number] for number in numbers], end_weight)

    card = train(out, tagger, loss_at, Schedule(steps, rate, decay=0.01), str(corpus))
    true: list[Feature] = []
    predicted: list[Feature] = []
    bases, begun = 0, time.perf_counter()
    for each in contigs_of(Examples(corpus).of_part("test")):
        predicted += features_of(each.contig, stitch(list(written(tagger, each.windows, end_weight))))
        true += each.true
        bases += len(each.contig.sequence)
    seconds = time.perf_counter() - begun
    coding = [[one for one in features if one.type == "CDS"] for features in (predicted, true)]
    scores = score(*coding)
    genes = scores.genes
    figures = {
        "parameters": card.parameters, "steps": steps, "batch": batch, "rate": rate, "end_weight": end_weight,
        "training_seconds": card.seconds, "loss": card.loss, "genes": genes.both + genes.true_alone,
        "precision": genes.precision, "recall": genes.recall, "f1": genes.f1,
        "base_f1": scores.bases["CDS"].f1, "start_error_bp": scores.start_error,
        "end_error_bp": scores.end_error, "kb_per_second": bases / 1000 / seconds,
    }  # fmt: skip
    (out / "tagger.json").write_text(json.dumps(figures, indent=2) + "\n")
    print("\n".join(f"{name:<18}{value:,.5g}" for name, value in figures.items()))


if __name__ == "__main__":
    folders, numbers = map(Path, sys.argv[1:4]), sys.argv[4:]
    kinds = (int, int, float, float)
    main(*folders, *(kind(number) for kind, number in zip(kinds, numbers, strict=False)))
