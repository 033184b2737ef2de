"""/ and /about: where a sequence is given, and what answers rest on."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from genome_index.records import counted
from genome_index.service.settings import Limits
from genome_index.service.site.formats import moment, size, span
from genome_index.service.site.interface import Service
from genome_index.service.site.rendering import page
from genome_index.service.views.provenance import Provenance

SAID = {"deleted": "It is deleted: the answers, the pictures and the sequence are gone."}
VERDICTS = {
    "species": "ANI and aligned fraction pass what this species asks for, no other comes close, and the "
    "probability is high enough.",
    "genus": "The species was not earned, and the reason says why; this rank is. So for family and above.",
    "novel": "It is comparable with something here, but no rank was sure enough.",
    "ambiguous": "Several species fit equally well; they are named.",
    "out_of_scope": "Nothing in the index is comparable: no shared word, and no hit nearer than random "
    "sequence of the same length and GC content would be.",
    "qc_fail": "Too short (under 500 bp), more than half N, or a mixture (20 % or more in contigs of another "
    "genus).",
    "failed": "The input could not be read; the reason says why and what to do.",
}


def front(service: Service) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def ask(request: Request, said: str = "") -> HTMLResponse:
        values = {
            "holds": holds(service.library.provenance()),
            "limits": service.limits,
            "said": SAID.get(said, ""),
        }
        return page(service, request, "front.html", values)

    @router.get("/about")
    async def about(request: Request) -> HTMLResponse:
        found = service.library.provenance()
        values = {
            "found": found,
            "holds": holds(found),
            "verdicts": VERDICTS.items(),
            "made": _made(found),
            "names": {**found.ranks, **found.labels},
            "limits": _limits(service.limits),
            "origin": str(request.base_url).rstrip("/"),
            "keys": service.settings.asks_for_keys,
        }
        return page(service, request, "about.html", values)

    return router


def holds(found: Provenance) -> str:
    """What can be found here, in a sentence."""
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in found.molecules.items())
    what = kinds if len(found.molecules) > 1 else "".join(found.molecules)
    species = f" of {found.ranks['species']:,} species" if "species" in found.ranks else ""
    taxonomy = f"; taxonomy {found.taxonomy_release}" if found.taxonomy_release else ""
    return f"This index holds {counted(found.genomes)}{species} ({what}){taxonomy}."


def _made(found: Provenance) -> Sequence[tuple[str, object]]:
    facts: dict[str, object] = {
        "index": found.name,
        "snapshot": f"{found.snapshot:,}",
        "made": moment(found.created),
        "fingerprint": found.fingerprint,
        "genomes": f"{found.genomes:,} from {counted(found.inputs, 'file')}",
        "bases": f"{found.base_pairs:,} bp",
        "taxonomy": found.taxonomy_release or "none",
        "encoder": " ".join(filter(None, [found.encoder, found.encoder_version, found.model])),
        "vectors": f"{found.dim:,} dimensions, FAISS {found.faiss}",
        "fitted on": counted(found.fitted),
        "changed since": counted(found.changed_since_fit),
        "on disk": size(found.disk_bytes),
        "built with": ", ".join(f"{name} {version}" for name, version in found.versions.items()),
        "served by": f"gindex {found.gindex_version}",
    }
    return list(facts.items())


def _limits(limits: Limits) -> Sequence[tuple[str, str]]:
    return [
        ("a file, as it is sent", size(limits.upload_bytes)),
        ("its text, unpacked", size(limits.unpacked_bytes)),
        ("records in it", f"{limits.records:,}"),
        ("time for one query", span(limits.job_s)),
        ("queries of one caller that may wait", f"{limits.queued_each:,}"),
        ("queries that may wait", f"{limits.queued:,}"),
        ("requests of one caller", f"{limits.requests_each:,} a minute"),
        ("answers are kept", span(limits.kept_s)),
    ]
