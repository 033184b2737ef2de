"""Submission of a sequence: the body goes to the disk, is checked, and becomes a job."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from genome_index.service.jobs.queue import Job, JobSettings, Upload, new_id
from genome_index.service.jobs.uploads import (
    BLOCK_BYTES,
    checked,
    limited,
    path_of,
    receiving,
    require_room,
    shown_name,
    take,
    too_large,
)
from genome_index.service.problems import Problem
from genome_index.service.state import Service

PARTS = ("file", "text", "taxonomy")  # of a form; its other parts are settings
MOST_FIELDS = 20
PASTED = "pasted.fasta"


@dataclass(frozen=True)
class Body:
    """The contents of a request besides the sequence."""

    name: str | None = None  # of the file
    fields: Mapping[str, str] = field(default_factory=dict)  # of the form, without PARTS
    taxonomy: bytes | None = None


async def accept(
    service: Service, request: Request, caller: str,
    settings_of: Callable[[Mapping[str, str]], JobSettings],
    name: str | None = None, token: str | None = None,
) -> Job:  # fmt: skip
    """Accept a query; `settings_of` turns the fields of a form into settings.

    Raises
    ------
    Problem, StorageError
    """
    job_id, job = new_id(), None
    try:
        with receiving(service.settings.data, job_id) as raw:
            body = await read(service, request, raw, name)
            settings = settings_of(body.fields)
            upload = await check(service, raw, job_id, body, settings)
        job = await service.on_disk(service.jobs.add, caller, upload, settings, token)
    finally:
        if job is None or job.id != job_id:
            path_of(service.settings.data, job_id).unlink(missing_ok=True)
    service.metrics.accepted.inc()
    return job


async def read(service: Service, request: Request, raw: Path, name: str | None) -> Body:
    """Write the sequence of a request to a file: the body, or the part `file` or `text` of a form."""
    require_room(service.settings.data, service.limits)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > 2 * service.limits.upload_bytes:
        raise too_large(int(declared), service.limits)  # too large to be read and dropped
    bounded = Request(request.scope, limited(request.receive, service.limits))
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        await take(bounded.stream(), raw)
        return Body(name)
    most = service.limits.upload_bytes  # of a pasted sequence; files are not kept in memory
    async with bounded.form(max_files=2, max_fields=MOST_FIELDS, max_part_size=most) as form:
        return await _of_form(form, raw, name)


async def check(
    service: Service, raw: Path, job_id: str, body: Body, settings: JobSettings
) -> Upload:  # fmt: skip
    """Check and unpack a sequence file, outside the event loop."""
    data, limits = service.settings.data, service.limits
    return await service.in_checks(
        checked, raw, job_id, shown_name(body.name), settings.genome_per, data, limits
    )


async def _of_form(form: FormData, raw: Path, name: str | None) -> Body:
    taxonomy = form.get("taxonomy")
    fields = {key: value for key, value in form.items() if key not in PARTS and isinstance(value, str)}
    body = Body(name, fields, await taxonomy.read() if isinstance(taxonomy, UploadFile) else None)
    file, text = form.get("file"), form.get("text")
    if isinstance(file, UploadFile) and (file.size or file.filename):
        await take(_blocks(file), raw)
        return Body(name or file.filename, fields, body.taxonomy)
    text = file if isinstance(file, str) and file else text  # a browser sends an empty file if none is chosen
    if isinstance(text, str) and text.strip():
        await take(_whole(as_file(text)), raw)
        return replace(body, name=name or PASTED)
    raise Problem(
        422, "no-file", "The form has no sequence",
        "the form has no field called file with a sequence; send one: curl -F file=@sample.fasta",
    )  # fmt: skip


def as_file(text: str) -> bytes:
    """The bytes of a pasted text; bases without header get one, which FASTA requires.

    >>> as_file("ACGT").split(), as_file(">a ACGT")
    ([b'>pasted', b'ACGT'], b'>a ACGT')
    """
    named = text.lstrip().startswith((">", "LOCUS ", "ID "))
    return (text if named else f">pasted\n{text}").encode("utf-8", "replace")


async def _whole(text: bytes) -> AsyncIterator[bytes]:
    yield text


async def _blocks(file: UploadFile) -> AsyncIterator[bytes]:
    while block := await file.read(BLOCK_BYTES):
        yield block
