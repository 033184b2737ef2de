"""Pages / and /about: the form for a sequence, and the index behind the answers."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from genome_index.records import counted
from genome_index.report.verdicts import VERDICTS
from genome_index.service.settings import Limits
from genome_index.service.site.formats import moment, sentence, size, span
from genome_index.service.site.interface import Service
from genome_index.service.site.rendering import page
from genome_index.service.views.provenance import Provenance

NOTICES = {"deleted": "The query is deleted, with its answers, figures and sequence."}
# Verdicts, on /about.
SHOWN = ("species", "genus", "piece", "unnamed", "novel", "ambiguous", "out_of_scope", "qc_fail", "failed")


def front(service: Service) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def search(request: Request, notice: str = "") -> HTMLResponse:
        values = {
            "contents": contents(service.index_view.provenance()),
            "limits": service.limits,
            "notice": NOTICES.get(notice, ""),
        }
        return page(service, request, "front.html", values)

    @router.get("/about")
    async def about(request: Request) -> HTMLResponse:
        index = service.index_view.provenance()
        values = {
            "index": index,
            "contents": contents(index),
            "verdicts": [(verdict, sentence(VERDICTS[verdict].meaning)) for verdict in SHOWN],
            "origin_facts": _origin_facts(index),
            "names": {**index.ranks, **index.labels},
            "limits": _limits(service.limits),
            "origin": str(request.base_url).rstrip("/"),
            "keys": service.settings.requires_keys,
        }
        return page(service, request, "about.html", values)

    return router


def contents(index: Provenance) -> str:
    """The contents of the index in a sentence."""
    numbers = ", ".join(f"{kind} {count:,}" for kind, count in index.molecules.items())
    kinds = numbers if len(index.molecules) > 1 else "".join(index.molecules)
    species = f" of {index.ranks['species']:,} species" if "species" in index.ranks else ""
    taxonomy = f"; taxonomy {index.taxonomy_release}" if index.taxonomy_release else ""
    return f"This index has {counted(index.genomes)}{species} ({kinds}){taxonomy}."


def _origin_facts(index: Provenance) -> Sequence[tuple[str, object]]:
    facts: dict[str, object] = {
        "name": index.name,
        "snapshot": f"{index.snapshot:,}",
        "created": moment(index.created),
        "fingerprint": index.fingerprint,
        "genomes": f"{index.genomes:,} from {counted(index.inputs, 'file')}",
        "bases": f"{index.base_pairs:,} bp",
        "taxonomy": index.taxonomy_release or "none",
        "encoder": " ".join(filter(None, [index.encoder, index.encoder_version, index.model])),
        "vectors": f"{index.dim:,} dimensions, FAISS {index.faiss}",
        "fitted on": counted(index.fitted),
        "changed since the fit": counted(index.changed_since_fit),
        "on disk": size(index.disk_bytes),
        "built with": ", ".join(f"{name} {version}" for name, version in index.versions.items()),
        "served by": f"gindex {index.gindex_version}",
    }
    return list(facts.items())


def _limits(limits: Limits) -> Sequence[tuple[str, str]]:
    return [
        ("size of an upload", size(limits.upload_bytes)),
        ("size after unpacking", size(limits.unpacked_bytes)),
        ("records of an upload", f"{limits.records:,}"),
        ("time for one query", span(limits.job_s)),
        ("waiting queries of one caller", f"{limits.queued_each:,}"),
        ("waiting queries of all callers", f"{limits.queued:,}"),
        ("requests of one caller", f"{limits.requests_each:,} a minute"),
        ("answers are kept", span(limits.kept_s)),
    ]
