"""Web page of the service: HTML rendered by the server, one style sheet and two scripts."""

from __future__ import annotations

from fastapi import APIRouter

from genome_index.service.site.browse_pages import collection
from genome_index.service.site.interface import Service
from genome_index.service.site.public_pages import is_own_path, login_page, problem_page, public_routes
from genome_index.service.site.result_pages import results
from genome_index.service.site.search_page import front

__all__ = ["Service", "is_own_path", "login_page", "problem_page", "public_routes", "routes"]


def routes(service: Service) -> APIRouter:
    """The pages that need a key if the service requires one; `public_routes` has the others."""
    router = APIRouter()
    for part in (front(service), results(service), collection(service)):
        router.include_router(part)
    return router
