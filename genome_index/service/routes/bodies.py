"""Request bodies as OpenAPI describes them; the routes read them themselves."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

SEQUENCE = {
    "type": "string",
    "format": "binary",
    "description": "FASTA or GenBank, plain or gz, bz2, xz, zst.",
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["file"], "properties": {"file": SEQUENCE}},
                "encoding": {"file": {"contentType": "text/x-fasta"}},
            },
            "application/octet-stream": {"schema": SEQUENCE},
            "text/x-fasta": {"schema": SEQUENCE},
        },
    }
}
BODY_OF_GENOMES = deepcopy(BODY)
BODY_OF_GENOMES["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]["taxonomy"] = {
    "type": "string", "format": "binary", "description": "TSV or CSV with genome_id, ranks and labels.",
}  # fmt: skip
BODY_OF_NAMES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1,
                    "title": "Names", "description": "Rank or label -> name; an empty name removes it.",
                }
            }
        },
    }
}  # fmt: skip
