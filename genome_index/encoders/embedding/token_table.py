"""The tokens that a language model is given of a genome, chunk by chunk: ids, attention mask, text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from genome_index.encoders.chunk_grid import grid_of, spans, unread
from genome_index.encoders.protocol import Tokenizer
from genome_index.errors import UsageError
from genome_index.io import tsv
from genome_index.io.quality import complaint
from genome_index.records import Failure, Genome
from genome_index.spec import IndexSpec

COLUMNS = ("genome", "contig", "strand", "chunk", "start", "end", "token_ids", "attention_mask", "tokens")


@dataclass(frozen=True)
class TokenRow:
    """One chunk as the model gets it, special tokens included; padding comes only in a batch, masked."""

    genome: str
    contig: str
    strand: str  # + as given, - the reverse complement
    chunk: int  # in the order of `gindex embed --per-chunk` and `--per-token`, from 0
    start: int  # on the contig as given, 0-based
    end: int  # half-open
    token_ids: tuple[int, ...]
    attention_mask: tuple[int, ...]  # 1 for each token: nothing is hidden
    tokens: tuple[str, ...]  # their text

    def line(self) -> str:
        """The row as TSV, lists with a blank between their items."""
        cells = (getattr(self, name) for name in COLUMNS)
        return tsv.row(" ".join(map(str, it)) if isinstance(it, tuple) else it for it in cells)


def token_rows(genomes: Iterable[Genome | Failure], spec: IndexSpec) -> Iterator[TokenRow | Failure]:
    """The chunks of each genome in order, or the reason why an input has none; no weights are read.

    Raises
    ------
    UsageError
        The encoder is no language model.
    ModelError
    """
    from genome_index.encoders.loaded_model import open_tokens

    if spec.reading is None:
        raise UsageError(
            f"--show-tokens: the encoder {spec.encoder} has no tokens; give a language model with --encoder"
        )
    reading = spec.reading
    tokenizer, most_tokens = open_tokens(spec.model, reading)
    for genome in genomes:
        reason = genome.reason if isinstance(genome, Failure) else complaint(genome) or unread(genome)
        if isinstance(genome, Failure) or reason:
            yield Failure(genome.id, genome.source, reason)
            continue
        grid = grid_of(genome, tokenizer, most_tokens, reading.windows, reading.strands)
        places = spans(grid, tokenizer)
        for number, (chunk, (start, end)) in enumerate(zip(grid.chunks, places, strict=True)):
            ids = (*tokenizer.before, *chunk.ids.tolist(), *tokenizer.after)
            yield TokenRow(
                genome.id, genome.contigs[chunk.stretch.contig].name, "+-"[chunk.stretch.strand], number,
                start, end, ids, (1,) * len(ids), _text(ids, tokenizer),
            )  # fmt: skip


def _text(ids: tuple[int, ...], tokenizer: Tokenizer) -> tuple[str, ...]:
    return tuple(tokenizer.names(np.array(ids, np.int64)))
