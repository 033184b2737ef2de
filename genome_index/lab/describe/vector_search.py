"""Search of genomes by a text through the projection: by their sequences, whether described or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from genome_index.collection.text_search import TextHit, text_of
from genome_index.encoders.profile import Floats
from genome_index.errors import UsageError
from genome_index.index.index import Index
from genome_index.lab.describe.projection import Projection, released_profile
from genome_index.lab.describe.text_encoder import TextEncoder, installed_folder
from genome_index.records import Entry

ENCODERS = ("spectrum", "profile")  # of indexes that have the counts of k-mers
AT_ONCE = 256  # genomes whose counts are in memory, 130 kB each
PASSAGE = 120  # characters of a genome's text


def search_vectors(
    index: Index, text: str, projection: Path, text_encoder: Path | None = None, limit: int = 10
) -> list[TextHit]:
    """The genomes whose projected vectors are nearest to that of a text, best first.

    Raises
    ------
    UsageError, ModelError
        The index has another encoder, or the projection or the text encoder cannot be used.
    """
    if index.spec.encoder not in ENCODERS:
        cure = f"build an index with --encoder {' or '.join(ENCODERS)}"
        raise UsageError(
            f"{index.path}: its encoder is {index.spec.encoder}, which has no k-mer counts; {cure}"
        )
    opened, encoder = Projection.load(projection), TextEncoder(text_encoder or installed_folder())
    opened.require(encoder.version, projection)
    entries = index.catalog.entries()
    scores = projected_genomes(index, entries, opened) @ opened.texts(encoder.encode([text]))[0]
    best = np.argsort(-scores, kind="stable")[:limit]
    return [TextHit(entries[at], float(scores[at]), text_of(entries[at])[:PASSAGE]) for at in best]


def projected_genomes(index: Index, entries: list[Entry], projection: Projection) -> Floats:
    """The genomes of an index in the common space: (N, D)."""
    profile, rows = released_profile(), [entry.row for entry in entries]
    parts = [
        projection.genomes(profile.features(index.references.raw(rows[start : start + AT_ONCE])))
        for start in range(0, len(rows), AT_ONCE)
    ]
    index.references.let_go()
    return np.concatenate(parts)
