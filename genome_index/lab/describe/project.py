"""`gindex lab project`: a projection trained on pairs, and its recall beside full-text search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genome_index.collection.text_search import TextIndex
from genome_index.encoders.profile import Floats
from genome_index.errors import UsageError
from genome_index.io.atomic import write_file
from genome_index.io.batches import batches
from genome_index.lab.corpus.split import Part
from genome_index.lab.describe.projection import Projection, recall_at, released_profile
from genome_index.lab.describe.tables import DATA, iter_pairs
from genome_index.lab.describe.text_encoder import TextEncoder, installed_folder
from genome_index.lab.describe.train_projection import PairVectors, ProjectionTraining, train_projection
from genome_index.lab.markdown import markdown_table
from genome_index.records import Contig, Genome, Progress, counted, quiet

KS = (1, 5, 10)
LEAST_PAIRS = 2  # to train on: one pair has no negative
GENOMES_AT_ONCE, BASES_AT_ONCE = 64, 100_000_000  # in memory


@dataclass(frozen=True)
class PartTexts:
    """The texts and vectors of the pairs of a part."""

    texts: list[str]
    raw_texts: list[str]
    vectors: PairVectors


def train_on_pairs(
    pairs: Path, out: Path, text_encoder: Path | None = None, plan: ProjectionTraining | None = None,
    progress: Progress = quiet,
) -> str:  # fmt: skip
    """Train a projection on the training part, write it with its card, and return the card.

    Raises
    ------
    UsageError, ModelError, InputError, StorageError
    """
    encoder = TextEncoder(text_encoder or installed_folder())
    train = _read(pairs, "train", encoder, progress)
    if train is None or len(train.texts) < LEAST_PAIRS:
        raise UsageError(f"{pairs}: too few pairs to train on; describe more records")
    validation = _read(pairs, "validation", encoder, progress)

    def step(done: int, of: int) -> None:
        progress.stage("steps", done, of)

    projection = train_projection(
        train.vectors, validation.vectors if validation else None, encoder.version,
        released_profile().version, plan, step,
    )  # fmt: skip
    test = _read(pairs, "test", encoder, progress)
    card = _card(pairs, train, test, projection)
    projection.save(out)
    write_file(out / "README.md", card.encode())
    return card


def _read(folder: Path, part: Part, encoder: TextEncoder, progress: Progress) -> PartTexts | None:
    """The texts and vectors of a part; None if the pairs have no such part."""
    if not list((folder / DATA).glob(f"{part}-*.parquet")):
        if part == "train":
            next(iter_pairs(folder, part))  # raises what is wrong with the folder
        return None
    texts: list[str] = []
    raw: list[str] = []
    genomes: list[Floats] = []
    for batch in batches(iter_pairs(folder, part), GENOMES_AT_ONCE, BASES_AT_ONCE):
        texts += [pair.text for pair in batch]
        raw += [pair.raw_text or pair.text for pair in batch]
        genomes.append(genome_vectors([pair.sequence.encode() for pair in batch]))
        progress.stage(f"{part} genomes", len(texts), 0)
    ways = [encoder.encode(texts), encoder.encode(raw)]
    return PartTexts(texts, raw, PairVectors(ways, np.concatenate(genomes)))


def genome_vectors(sequences: Sequence[bytes]) -> Floats:
    """The released profile's vectors of some genomes of one contig each: (N,) -> (N, G)."""
    profile = released_profile()
    genomes = [Genome(str(at), (Contig("", one),), "-") for at, one in enumerate(sequences)]
    return profile.features(profile.encode(genomes))


def _card(pairs: Path, train: PartTexts, test: PartTexts | None, projection: Projection) -> str:
    config = projection.config
    encoders = f"text encoder {config.text_encoder[:12]}, profile {config.profile[:12]}"
    trained = f"Trained by `gindex lab project` on {counted(len(train.texts), 'pair')} of {pairs.name}"
    sizes = f"{config.text_dim} and {config.genome_dim} numbers to {config.dim}"
    head = f"# Projection of text and genomes\n\n{trained}; {encoders}; {sizes}.\n"
    if test is None:
        return f"{head}\nThe pairs have no test part, so nothing was measured.\n"
    table = markdown_table(["held-out pairs", *(f"recall@{k}, %" for k in KS)], recall_rows(test, projection))
    return f"{head}\nOf {counted(len(test.texts), 'pair')} held out by relatives and papers:\n\n{table}\n"


def recall_rows(test: PartTexts, projection: Projection) -> list[list[str]]:
    """Recall of the genome by its raw text, of the text by its genome, and of full-text search."""
    own = [{at} for at in range(len(test.texts))]
    scores = projection.texts(test.vectors.texts[1]) @ projection.genomes(test.vectors.genomes).T
    search = full_text_scores(test.texts, test.raw_texts)
    named = (
        ("raw text finds sequence", scores),
        ("sequence finds raw text", np.ascontiguousarray(scores.T)),
        ("raw text finds template text, full-text search", search),
    )
    return [[name, *(f"{100 * recall_at(one, own, k):.1f}" for k in KS)] for name, one in named]


def full_text_scores(texts: Sequence[str], queries: Sequence[str]) -> Floats:
    """BM25 of each query and text: (N,), (Q,) -> (Q, N); 0 where they share no word."""
    scores = np.zeros((len(queries), len(texts)), np.float32)
    with TextIndex(texts) as index:
        for query, row in zip(queries, scores, strict=True):
            for at, score in index.scores(query):
                row[at] = score
    return scores
