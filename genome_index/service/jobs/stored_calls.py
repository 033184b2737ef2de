"""Stored calls of earlier JSON versions, converted to the current version when they are read."""

from __future__ import annotations

import json
from typing import Any

from genome_index.report.calls import JSON_VERSION

OLD_VERSION = '"version": 1,'  # how version 1 of a call was written; it begins with its version


def current_call(text: str) -> str:
    """A call as JSON of the current version; calls of the current version are returned unchanged.

    Version 2 renamed `shared_words` of a hit to `kmer_identity`.

    >>> hit = '{"id": "a", "shared_words": 0.98}'
    >>> current_call(f'{{"version": 1, "closest": {hit}, "runner_up": null, "hits": [{hit}]}}')
    '{"version": 2, "closest": {"id": "a", "kmer_identity": 0.98}, "runner_up": null, "hits": [{"id": "a", \
"kmer_identity": 0.98}]}'
    """
    if not text.startswith("{" + OLD_VERSION):
        return text
    call = json.loads(text)
    for hit in (call["closest"], call["runner_up"], *call["hits"]):
        if hit is not None:
            _rename(hit, "shared_words", "kmer_identity")
    return json.dumps({**call, "version": JSON_VERSION}, ensure_ascii=False)


def _rename(document: dict[str, Any], old: str, new: str) -> None:
    """Rename a field and keep the order of the fields."""
    fields = [(new if name == old else name, value) for name, value in document.items()]
    document.clear()
    document.update(fields)
