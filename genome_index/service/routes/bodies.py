"""Request bodies with sequences, as OpenAPI describes them."""

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
