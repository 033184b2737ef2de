"""gindex serve: the web page and HTTP API of an index."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer
from gindex_cli.options import DEFAULT_INDEX, DEFAULT_SERVICE, DataDir, IndexDir, ModelOption
from gindex_cli.run import say

Host = Annotated[
    str,
    typer.Option(
        "--host", metavar="ADDRESS", help="Address to listen at; any but loopback requires API keys."
    ),
]
Port = Annotated[
    int,
    typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port to listen at; 0: any free one."),
]
Workers = Annotated[
    int,
    typer.Option("--workers", metavar="N", min=0, help="Query processes; 0: one fewer than processors."),
]
AllowedHosts = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="Further host name of this service, which requires API keys; repeatable.",
    ),
]


def serve(
    index: IndexDir = DEFAULT_INDEX,
    data: DataDir = DEFAULT_SERVICE,
    host: Host = "127.0.0.1",
    port: Port = 8765,
    workers: Workers = 0,
    keys: Annotated[bool, typer.Option("--keys", help="Require API keys on loopback too.")] = False,
    admin: Annotated[
        bool, typer.Option("--admin", help="Let admin keys add, remove and relabel genomes.")
    ] = False,
    allow_host: AllowedHosts = None,
    upload_mb: Annotated[
        int, typer.Option("--upload-mb", metavar="MB", min=1, help="Maximum upload in MB.")
    ] = 100,
    job_minutes: Annotated[
        float,
        typer.Option(
            "--job-minutes", metavar="MINUTES", min=0.01, help="Maximum time of a query in minutes."
        ),
    ] = 10,
    keep_days: Annotated[
        float, typer.Option("--keep-days", metavar="DAYS", min=0.001, help="Days until answers are deleted.")
    ] = 7,
    model: ModelOption = "",
) -> None:
    """Serve an index as a web page and an HTTP API."""
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
