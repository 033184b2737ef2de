"""A request with a sequence -> a job: what was sent goes to the disk, is checked, and waits for its turn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from genome_index.service.jobs.queue import Asked, Job, Upload, new_id
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

PARTS = ("file", "text", "taxonomy")  # of a form; what else it has are fields
MOST_FIELDS = 20
PASTED = "pasted.fasta"


@dataclass(frozen=True)
class Sent:
    """What came with a sequence."""

    name: str | None = None  # of the file
    fields: Mapping[str, str] = field(default_factory=dict)  # of the form, besides PARTS
    taxonomy: bytes | None = None


async def accept(
    service: Service, request: Request, who: str, asked_of: Callable[[Mapping[str, str]], Asked],
    name: str | None = None, token: str | None = None,
) -> Job:  # fmt: skip
    """Take a query in: `asked_of` makes of the form's fields how it is to be answered.

    Raises
    ------
    Problem, StorageError
    """
    job_id, job = new_id(), None
    try:
        with receiving(service.settings.data, job_id) as raw:
            sent = await read(service, request, raw, name)
            asked = asked_of(sent.fields)
            upload = await check(service, raw, job_id, sent, asked)
        job = await service.on_disk(service.jobs.add, who, upload, asked, token)
    finally:
        if job is None or job.id != job_id:
            path_of(service.settings.data, job_id).unlink(missing_ok=True)
    service.metrics.accepted.inc()
    return job


async def read(service: Service, request: Request, raw: Path, name: str | None) -> Sent:
    """Write what is sent to a file, of a form its `file` or its `text`."""
    require_room(service.settings.data, service.limits)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > 2 * service.limits.upload_bytes:
        raise too_large(int(declared), service.limits)  # not worth reading to its end
    bounded = Request(request.scope, limited(request.receive, service.limits))
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        await take(bounded.stream(), raw)
        return Sent(name)
    most = service.limits.upload_bytes  # of a sequence that was pasted; files are no parts in memory
    async with bounded.form(max_files=2, max_fields=MOST_FIELDS, max_part_size=most) as form:
        return await _of_form(form, raw, name)


async def check(service: Service, raw: Path, job_id: str, sent: Sent, asked: Asked) -> Upload:
    """See that it is sequence, beside the event loop."""
    data, limits = service.settings.data, service.limits
    return await service.in_checks(
        checked, raw, job_id, shown_name(sent.name), asked.genome_per, data, limits
    )


async def _of_form(form: FormData, raw: Path, name: str | None) -> Sent:
    taxonomy = form.get("taxonomy")
    fields = {key: value for key, value in form.items() if key not in PARTS and isinstance(value, str)}
    sent = Sent(name, fields, await taxonomy.read() if isinstance(taxonomy, UploadFile) else None)
    file, text = form.get("file"), form.get("text")
    if isinstance(file, UploadFile) and (file.size or file.filename):
        await take(_blocks(file), raw)
        return Sent(name or file.filename, fields, sent.taxonomy)
    text = file if isinstance(file, str) and file else text  # a file not chosen comes as an empty one
    if isinstance(text, str) and text.strip():
        await take(_whole(as_file(text)), raw)
        return replace(sent, name=name or PASTED)
    raise Problem(
        422, "no-file", "There is no sequence in the form",
        "the form has no field called file with a sequence in it; send one: curl -F file=@sample.fasta",
    )  # fmt: skip


def as_file(text: str) -> bytes:
    """What was pasted, as a file has it: bases alone get a name, which FASTA asks for.

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
