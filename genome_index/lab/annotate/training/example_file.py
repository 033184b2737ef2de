"""Random access to the windows of one part of a baked corpus; only the places of the lines are in memory."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError
from genome_index.lab.annotate.corpus.examples import Example, part_file
from genome_index.lab.corpus.split import Part


class ExampleFile:
    """The examples of a part by number.

    Raises
    ------
    UsageError
        The part has no window.
    """

    def __init__(self, corpus: Path, part: Part) -> None:
        self.path = part_file(corpus, part)
        with self.path.open("rb") as lines:
            ends = np.cumsum([len(line) for line in lines], dtype=np.int64)
        if not len(ends):
            raise UsageError(f"{self.path} has no window; bake more genomes, or with larger shares")
        self._starts: npt.NDArray[np.int64] = np.concatenate([[0], ends])

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, number: int) -> Example:
        start, end = self._starts[number : number + 2].tolist()
        with self.path.open("rb") as file:
            file.seek(start)
            return Example(**json.loads(file.read(end - start)))
