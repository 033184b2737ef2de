"""The page: rendered here, in the browser a small script of our own, and nothing from any other place."""

from __future__ import annotations

from fastapi import APIRouter

from genome_index.web.site.collection import collection
from genome_index.web.site.entrance import entrance, is_own, login_page, problem_page
from genome_index.web.site.front import front
from genome_index.web.site.results import results
from genome_index.web.site.service import Service

__all__ = ["Service", "entrance", "is_own", "login_page", "problem_page", "routes"]


def routes(service: Service) -> APIRouter:
    """The pages for whoever may ask; `entrance` has those for anybody."""
    router = APIRouter()
    for part in (front(service), results(service), collection(service)):
        router.include_router(part)
    return router
