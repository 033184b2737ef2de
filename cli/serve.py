"""gindex serve: the search service and its page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.shared import DEFAULT_INDEX, IndexDir, ModelOption, say

DEFAULT_DATA = Path("gindex-service")
DataDir = Annotated[
    Path, typer.Option("--data", envvar="GINDEX_DATA", help="The folder for jobs, answers and API keys.")
]


def serve(
    index: IndexDir = DEFAULT_INDEX,
    data: DataDir = DEFAULT_DATA,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen at; any but loopback asks for API keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8765,
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Processes that answer; 0: one less than processors.")
    ] = 0,
    keys: Annotated[bool, typer.Option("--keys", help="Ask for API keys on loopback too.")] = False,
    admin: Annotated[
        bool, typer.Option("--admin", help="Let admin keys add, remove and relabel genomes.")
    ] = False,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", help="Another name this service is asked by.")
    ] = None,
    upload_mb: Annotated[int, typer.Option("--upload-mb", min=1, help="The largest upload.")] = 100,
    job_minutes: Annotated[
        float, typer.Option("--job-minutes", min=0.01, help="The longest that one query may take.")
    ] = 10,
    keep_days: Annotated[
        float, typer.Option("--keep-days", min=0.001, help="How long answers are kept.")
    ] = 7,
    model: ModelOption = "",
) -> None:
    """Serve an index: a page to drop genomes on, and an API for scripts."""
    from genome_index.errors import need_installed

    need_installed("gindex serve", "fastapi", "uvicorn", "prometheus_client", "umap", extra="serve")
    from genome_index.service.server import run
    from genome_index.service.settings import HOUR_S, MB, Limits, ServeSettings

    settings = ServeSettings(
        index, data, host, port, keys=keys, admin=admin, names=tuple(allow_host or ()), model=model,
        limits=Limits(upload_bytes=upload_mb * MB, unpacked_bytes=4 * upload_mb * MB, job_s=60 * job_minutes,
                      kept_s=24 * HOUR_S * keep_days),
    )  # fmt: skip
    run(replace(settings, workers=workers) if workers else settings, say)
