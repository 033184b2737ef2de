"""gindex embed: vectors of genomes as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.choices import ChunkPooling, NumberFormat, TokenPooling
from gindex_cli.shared import (
    FAILED_INPUTS,
    ChunkPool,
    ChunkTokens,
    EncoderOption,
    FromFile,
    GenomePerOption,
    Inputs,
    LayerOption,
    Precision,
    ProgressLine,
    TokenPool,
    Windows,
    all_inputs,
    say,
    tell_notes,
)

from genome_index.records import counted


def embed(
    inputs: Inputs = None,
    out: Annotated[Path, typer.Option("--out", help="The folder for the vectors.")] = Path("embeddings"),
    encoder: EncoderOption = "spectrum",
    layer: LayerOption = "last",
    token_pool: TokenPool = TokenPooling.MEAN,
    chunk_pool: ChunkPool = ChunkPooling.WEIGHTED,
    windows: Windows = 0,
    chunk_tokens: ChunkTokens = 0,
    precision: Precision = NumberFormat.AUTO,
    format: Annotated[str, typer.Option("--format", help="pt, npy or parquet.")] = "pt",
    per_chunk: Annotated[
        bool, typer.Option("--per-chunk", help="A vector for each chunk instead of one for the genome.")
    ] = False,
    genome_per: GenomePerOption = None,
    from_file: FromFile = None,
) -> None:
    """Write a vector for each genome, and beside it how it was made."""
    from genome_index.encoders import notes_of, spec_for
    from genome_index.pipeline import embed_genomes
    from genome_index.spec import Reading
    from genome_index.taxonomy.input_plan import plan

    reading = Reading(layer, token_pool.value, chunk_pool.value, windows, chunk_tokens, precision.value)
    spec = spec_for(encoder, reading=reading)
    planned = plan(all_inputs(inputs, from_file), None, genome_per)
    tell_notes((*planned.notes, *notes_of(spec)))
    made = there = failed = 0
    shares: list[float] = []
    show = ProgressLine()
    for one in embed_genomes(planned.inputs, out, spec, planned.per, format, per_chunk, show):
        made += one.path is not None and not one.was_there
        there += one.was_there
        failed += one.path is None
        if one.path is None:
            say(f"failed: {one.source}: {one.id}: {one.reason}", error=True)
        elif not one.was_there:
            shares.append(one.share_read)
        show.through("embedded", made + there)
    show.end()
    share = sum(shares) / max(1, len(shares))
    part = f" ({share:.1%} of each read in windows, on average)" if min(shares, default=1) < 1 else ""
    say(f"embedded {counted(made)}{part}, {there:,} already present, {failed:,} failed: {out}")
    if failed:
        raise typer.Exit(FAILED_INPUTS)
