"""The page: rendered here, in the browser a small script of our own, and nothing from any other place."""

from __future__ import annotations

from fastapi import APIRouter

from genome_index.service.site.browse_pages import collection
from genome_index.service.site.interface import Service
from genome_index.service.site.public_pages import entrance, is_own, login_page, problem_page
from genome_index.service.site.result_pages import results
from genome_index.service.site.search_page import front

__all__ = ["Service", "entrance", "is_own", "login_page", "problem_page", "routes"]


def routes(service: Service) -> APIRouter:
    """The pages for whoever may ask; `entrance` has those for anybody."""
    router = APIRouter()
    for part in (front(service), results(service), collection(service)):
        router.include_router(part)
    return router
