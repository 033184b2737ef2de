"""A per-base tagger beside the annotation model: the same encoder, a linear head, the same windows and steps.

    PYTHONPATH=. python tests/bench/annotate_tagger.py CORPUS MODEL OUT [STEPS BATCH RATE]

CORPUS is a baked corpus of CDS, MODEL a folder of `gindex lab annotate init` that reads single bases. A base is
outside, or the left end, the inside or the right end of a CDS of either strand. The figures are those of
`gindex lab annotate evaluate`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from genome_index.lab.annotate.corpus.examples import Example, Examples
from genome_index.lab.annotate.corpus.target_text import TargetLine
from genome_index.lab.annotate.corpus.windows import Window
from genome_index.lab.annotate.evaluation.evaluate import contigs_of
from genome_index.lab.annotate.evaluation.metrics import score
from genome_index.lab.annotate.files.features import Feature
from genome_index.lab.annotate.model.folder import open_model_folder
from genome_index.lab.annotate.prediction.annotate import features_of
from genome_index.lab.annotate.prediction.stitching import WindowLines, stitch
from genome_index.lab.annotate.tokens.tokenizer import AnnotationTokenizer
from genome_index.lab.annotate.training.example_file import ExampleFile
from genome_index.lab.annotate.training.pointer_batches import sources_of
from genome_index.lab.training.run_card import Schedule
from genome_index.lab.training.runs import train

LEFT, INSIDE, RIGHT = 0, 1, 2  # + 1 on the forward strand, + 4 on the other; 0 is outside
CLASSES = 7
FIRST = {"+": 1, "-": 4}
LEADING = 2  # [CLS] and [ATT]
BATCH = 32


class Tagger(nn.Module):
    """The encoder of an annotation model and a class for each token."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.model, files = open_model_folder(folder)
        self.tokenizer = AnnotationTokenizer(files, str(folder))
        self.model.decoder, self.model.head, self.model.pointers = nn.Identity(), nn.Identity(), None
        self.head = nn.Linear(self.model.config.width, CLASSES)
        self.requires_grad_(True)

    def forward(self, sequences: Sequence[str]) -> Tensor:
        """Logits of each base, context included: B sequences of equal length -> (B, L, CLASSES)."""
        windows = [self.tokenizer.source(sequence) for sequence in sequences]
        sources = sources_of(windows, self.tokenizer.pad, self.model.config.context)
        states: Tensor = self.head(sources.encode(self.model).encoded)
        return states[:, LEADING:-1]


def labels_of(lines: Sequence[TargetLine], before: int, length: int, after: int) -> np.ndarray:
    """The class of each base: (L,); -1, which has no loss, in the context."""
    labels = np.zeros(length, np.int64)
    for line in lines:
        first = FIRST[line.strand]
        labels[line.start : line.end] = first + INSIDE
        if not line.begins_before:
            labels[line.start] = first + LEFT
        if not line.ends_after:
            labels[line.end - 1] = first + RIGHT
    return np.pad(labels, (before, after), constant_values=-1)


def lines_of(classes: np.ndarray) -> Iterator[TargetLine]:
    """The lines that the classes of a window's bases say: (L,)."""
    for strand, first in FIRST.items():
        start: int | None = 0 if classes[0] in (first + INSIDE, first + RIGHT) else None
        begins_before = start is not None
        for at, own in enumerate(classes):
            if own == first + LEFT:
                start, begins_before = at, False
            elif own == first + RIGHT and start is not None:
                yield TargetLine("CDS", start, at + 1, strand, 0, at, "", begins_before)
                start = None
        if start is not None and classes[-1] in (first + INSIDE, first + LEFT):
            length = len(classes)
            yield TargetLine("CDS", start, length, strand, 0, length, "", begins_before, ends_after=True)


def loss_of(tagger: Tagger, examples: Sequence[Example]) -> Tensor:
    longest = max(len(example.bases) for example in examples)
    logits = tagger([example.bases.ljust(longest, "N") for example in examples])
    labels = np.full((len(examples), longest), -1)
    for row, example in zip(labels, examples, strict=True):
        own = labels_of(
            example.lines, example.before, len(example.bases) - example.before - example.after, example.after
        )
        row[: len(own)] = own
    return functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(labels.ravel()), ignore_index=-1)


@torch.inference_mode()
def written(tagger: Tagger, windows: Sequence[Window]) -> Iterator[WindowLines]:
    for at in range(0, len(windows), BATCH):
        own = windows[at : at + BATCH]
        longest = max(len(window.sequence) for window in own)
        classes = tagger([window.sequence.ljust(longest, "N") for window in own]).argmax(-1).numpy()
        for window, row in zip(own, classes, strict=True):
            bases = row[window.before : len(window.sequence) - window.after]
            yield WindowLines(window.start, window.end, list(lines_of(bases)))


def main(
    corpus: Path, model: Path, out: Path, steps: int = 1000, batch: int = 16, rate: float = 2e-3
) -> None:
    torch.manual_seed(0)
    tagger, part = Tagger(model), ExampleFile(corpus, "train")

    def loss_at(step: int) -> Tensor:
        numbers = np.random.default_rng([0, step]).integers(len(part), size=batch).tolist()
        return loss_of(tagger, [part[number] for number in numbers])

    card = train(out, tagger, loss_at, Schedule(steps, rate, decay=0.01), str(corpus))
    true: list[Feature] = []
    predicted: list[Feature] = []
    bases, begun = 0, time.perf_counter()
    for each in contigs_of(Examples(corpus).of_part("test")):
        predicted += features_of(each.contig, stitch(list(written(tagger, each.windows))))
        true += each.true
        bases += len(each.contig.sequence)
    seconds = time.perf_counter() - begun
    scores = score(predicted, true)
    cds = scores.features["CDS"]
    print(f"tagger: {card.parameters:,} parameters, {card.seconds:,.0f} s, loss {card.loss:.4f} nats a base")
    print(
        f"precision {cds.precision:.4f} recall {cds.recall:.4f} F1 {cds.f1:.4f} base F1 {scores.bases['CDS'].f1:.4f}"
    )
    print(f"{bases / 1000 / seconds:.1f} kb/s")


if __name__ == "__main__":
    folders, numbers = map(Path, sys.argv[1:4]), sys.argv[4:]
    kinds = (int, int, float)
    main(*folders, *(kind(number) for kind, number in zip(kinds, numbers, strict=False)))
