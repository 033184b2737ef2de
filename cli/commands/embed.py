"""gindex embed: vectors of genomes as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.choices import ChunkPooling, NumberFormat, TokenPooling, VectorFormat
from gindex_cli.inputs import planned_inputs, tell_notes
from gindex_cli.options import (
    ChunkPool,
    ChunkTokens,
    EncoderOption,
    FromFile,
    GenomePerOption,
    Inputs,
    LayerOption,
    Precision,
    TokenPool,
    Windows,
)
from gindex_cli.progress import ProgressLine
from gindex_cli.run import FAILED_INPUTS, say

from genome_index.records import counted


def embed(
    inputs: Inputs = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the vectors.")] = Path(
        "embeddings"
    ),
    encoder: EncoderOption = "spectrum",
    layer: LayerOption = "last",
    token_pool: TokenPool = TokenPooling.MEAN,
    chunk_pool: ChunkPool = ChunkPooling.WEIGHTED,
    windows: Windows = 0,
    chunk_tokens: ChunkTokens = 0,
    precision: Precision = NumberFormat.AUTO,
    format: Annotated[VectorFormat, typer.Option("--format", help="File format.")] = VectorFormat.PT,
    per_chunk: Annotated[
        bool, typer.Option("--per-chunk", help="Write a vector per chunk instead of one per genome.")
    ] = False,
    genome_per: GenomePerOption = None,
    from_file: FromFile = None,
) -> None:
    """Write the vector of each genome to a file.

    The settings of the encoder are written beside it.
    """
    from genome_index.encoders import notes_of, spec_for
    from genome_index.pipeline import embed_genomes
    from genome_index.spec import Reading

    reading = Reading(layer, token_pool.value, chunk_pool.value, windows, chunk_tokens, precision.value)
    spec = spec_for(encoder, reading=reading)
    planned = planned_inputs(inputs, from_file, None, genome_per)
    tell_notes(notes_of(spec))
    made = present = failed = 0
    shares: list[float] = []
    with ProgressLine() as show:
        for result in embed_genomes(planned.inputs, out, spec, planned.per, format.value, per_chunk, show):
            made += result.path is not None and not result.was_present
            present += result.was_present
            failed += result.path is None
            if result.path is None:
                say(f"failed: {result.source}: {result.id}: {result.reason}", error=True)
            elif not result.was_present:
                shares.append(result.share_read)
            show.through("embedded", made + present)
    share = sum(shares) / max(1, len(shares))
    part = f" ({share:.1%} of each read in windows, on average)" if min(shares, default=1) < 1 else ""
    say(f"embedded {counted(made)}{part}, {present:,} already present, {failed:,} failed: {out}")
    if failed:
        raise typer.Exit(FAILED_INPUTS)
