"""The training genomes that are left when near relatives count once: one of each group of an identity."""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from genome_index.io.atomic import write_file
from genome_index.lab.corpus.genomes import genomes_of
from genome_index.lab.corpus.relatives import SketchFile
from genome_index.lab.corpus.sampling import Rows
from genome_index.lab.corpus.shards import Shards


def distinct_genomes(shards: Shards, identity: float, folder: Path) -> Rows | None:
    """Numbers of training genomes, the first of each connected group; None: all, if the identity is 0.

    Found once, and kept in a file of the folder.
    """
    if not identity:
        return None
    path = folder / f"distinct-{shards.digest}-{identity:g}.npy"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        np.save(content, _first_of_groups(shards, identity))
        write_file(path, content.getvalue())
    return np.asarray(np.load(path), np.int64)


def _first_of_groups(shards: Shards, identity: float) -> Rows:
    numbers = shards.numbers("train")
    with TemporaryDirectory() as work, SketchFile(Path(work) / "sketches") as file:
        for genome in genomes_of(shards, numbers.tolist()):
            file.add(genome)
        groups, _ = file.groups(identity=identity)
    return numbers[np.unique(groups)]  # a group has the position of its first genome
