"""Vectors of genomes by any encoder: as it gives them, and as an index projects them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genome_index.encoders import open_encoder, spec_for
from genome_index.encoders.pooling import unit
from genome_index.index.vectors.projection import fit_projection
from genome_index.records import Genome, Progress, quiet, tell
from genome_index.spec import IndexSpec, Reading

Floats = npt.NDArray[np.float32]

WINDOWS = 8  # that a language model reads of each strand; 8 of 512 bp are a quarter of a mitogenome
TOGETHER = 512  # genomes whose features are in memory before they are scaled


def spec_of(encoder: str, windows: int = WINDOWS) -> IndexSpec:
    """The settings of an encoder, by its name or folder; a language model reads some windows of each strand.

    Raises
    ------
    EncoderNotFound, ModelError
    """
    spec = spec_for(encoder)
    return spec_for(encoder, reading=Reading(windows=windows)) if spec.reading else spec


def unit_vectors(genomes: Sequence[Genome], spec: IndexSpec, progress: Progress = quiet) -> Floats:
    """The encoder's features of genomes, each scaled to length 1: (N,) -> (N, D). What is unread is zeros.

    Raises
    ------
    ModelError, UsageError
    """
    encoder, parts = open_encoder(spec), []
    tell(progress, encoder.notes())
    for start in range(0, len(genomes), TOGETHER):
        parts.append(unit(encoder.features(encoder.encode(genomes[start : start + TOGETHER]))))
        progress.stage("genomes embedded", min(len(genomes), start + TOGETHER), len(genomes))
    return np.concatenate(parts)


def projected(vectors: Floats, spec: IndexSpec) -> Floats:
    """The vectors that an index of these genomes would search: (N, D) -> (N, d) of length 1.

    They are centred and half-whitened; those of a trained projection stay as they are.
    """
    return fit_projection(vectors.copy(), spec.dim, spec.whitening).apply(vectors)
