"""The cards of an answer on the page: "Closest" is the closest by the numbers below it."""

from __future__ import annotations

import html
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from helpers.running_service import Running

from genome_index.service.site.hit_cards import closest_of, hit_cards


def hit(
    species: str, ani: float | None, af_query: float | None, af_reference: float | None, **values
) -> dict:
    """A hit of a call; None where it has no ANI."""
    return {
        "id": species.upper(), "species": species, "ani": ani, "af_query": af_query,
        "af_reference": af_reference, "kmer_identity": 0.5, **values,
    }  # fmt: skip


def cards(basis: dict | None, other: dict | None) -> list[tuple[str, str]]:
    return [(card.title, card.hit["species"]) for card in hit_cards({"closest": basis, "runner_up": other})]


FAR = hit("far", None, None, None)


@pytest.mark.parametrize(
    ("basis", "other"),
    [
        (hit("a", 99.0, 95.0, 90.0), hit("b", 90.0, 80.0, 80.0)),
        (hit("a", 95.0, 95.0, 95.0), hit("b", 99.0, 3.0, 2.0)),  # a piece of another genome is not closer
        (hit("a", 99.0, 40.0, 99.0), hit("b", 90.0, 95.0, 95.0)),  # an incomplete reference is as close
        (hit("a", 80.0, 20.0, 20.0), FAR),
        (hit("a", None, None, None, kmer_identity=0.6), FAR),
        (FAR, hit("b", None, None, None, kmer_identity=None)),
        (hit("a", 90.0, 80.0, 80.0), hit("b", 90.0, 80.0, 80.0)),  # equal: the call decides
    ],
)
def test_the_basis_of_the_call_is_the_closest_where_no_hit_is_closer(basis: dict, other: dict) -> None:
    assert cards(basis, other) == [("Closest", basis["species"]), ("Runner-up", other["species"])]


@pytest.mark.parametrize(
    ("basis", "other"),
    [
        (hit("a", 82.8, 59.0, 58.0), hit("b", 84.2, 99.0, 98.0)),
        (FAR, hit("b", 80.0, 20.0, 20.0)),
        (FAR, hit("b", None, None, None, kmer_identity=0.6)),
    ],
)
def test_a_closer_hit_of_another_species_comes_first(basis: dict, other: dict) -> None:
    assert cards(basis, other) == [("Closest", "b"), ("Basis of the call", basis["species"])]
    assert closest_of({"closest": basis, "runner_up": other}) == other


def test_a_call_may_have_one_hit_or_none() -> None:
    assert cards(FAR, None) == [("Closest", "far")]
    assert cards(None, None) == []
    assert closest_of({"closest": None, "runner_up": None}) is None


def test_the_pages_show_the_closest_first(service: Running, demo: Path) -> None:
    sample = (demo / "sample.fasta").read_bytes()
    job = service.query(sample + (demo / "novel.fasta").read_bytes(), genome_per="record")
    one, *others = job["result"]
    near = {**one["closest"], "ani": 84.2, "af_query": 99.0, "af_reference": 97.0, "species": "Demobacter b"}
    basis = {**one["closest"], "ani": 82.8, "af_query": 59.0, "af_reference": 58.0, "species": "Demobacter a"}
    changed = json.dumps({**one, "closest": basis, "runner_up": near})
    with closing(sqlite3.connect(service.data / "service.sqlite", timeout=60)) as database, database:
        database.execute("UPDATE answers SET call = ? WHERE job = ? AND number = 0", (changed, job["id"]))
    page = service.get(f"/queries/{job['id']}/1").text
    shown = re.findall(r'<h3>([\w -]+?) <span.*?<p class="name">.*?>([^<]+)</a>', page, re.DOTALL)
    assert shown == [("Closest", "Demobacter b"), ("Basis of the call", "Demobacter a")]
    rows = re.findall(r"<tr>.*?</tr>", html.unescape(service.get(f"/queries/{job['id']}").text), re.DOTALL)
    [row] = [row for row in rows if f'/queries/{job["id"]}/1"' in row]
    assert "Demobacter b" in row
    assert "84.20" in row
    assert "Demobacter a" not in row
    assert len(others) >= 1
