"""The hits of a call as the page shows them: the closest by identity and aligned fraction comes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HitJson = Mapping[str, Any]


@dataclass(frozen=True)
class HitCard:
    """A hit with a heading that holds by the numbers below it."""

    title: str
    note: str
    hit: HitJson


def hit_cards(call: Mapping[str, Any]) -> list[HitCard]:
    """The hit that the call rests on and the best of another species, the closer one first as "Closest"."""
    basis, other = call["closest"], call["runner_up"]
    if basis is None:
        return []
    if other is None:
        return [HitCard("Closest", "", basis)]
    if _nearness(other) > _nearness(basis):
        return [HitCard("Closest", "", other), HitCard("Basis of the call", "of another species", basis)]
    return [HitCard("Closest", "", basis), HitCard("Runner-up", "of another species", other)]


def closest_of(call: Mapping[str, Any]) -> HitJson | None:
    """The closest hit of a call."""
    return next((card.hit for card in hit_cards(call)), None)


def _nearness(hit: HitJson) -> tuple[float, float]:
    """ANI times the larger aligned fraction, then k-mer identity: a high ANI of a small part is not near.

    >>> piece = {"ani": 99.0, "af_query": 3.0, "af_reference": 9.0, "kmer_identity": 0.5}
    >>> whole = {"ani": 84.2, "af_query": 99.0, "af_reference": 97.0, "kmer_identity": 0.5}
    >>> _nearness(whole) > _nearness(piece)
    True
    """
    aligned = max(hit["af_query"] or 0.0, hit["af_reference"] or 0.0)
    return (hit["ani"] or 0.0) * aligned, hit["kmer_identity"] or 0.0
