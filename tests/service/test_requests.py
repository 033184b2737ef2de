"""Requests that are repeated, malformed or too large, to the application without worker processes."""

from __future__ import annotations

import gzip

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from helpers.open_application import Opened

FIRST = b">a\n" + b"ACGT" * 200 + b"\n"
SECOND = b">a\n" + b"TGCA" * 200 + b"\n"  # of the same size


def test_a_key_with_another_genome_of_the_same_name_and_size_is_refused(opened: Opened) -> None:
    client, headers = opened(), {"Idempotency-Key": "sample-7"}

    def send(content: bytes) -> tuple[int, dict]:
        files = {"file": ("s7.fasta", content)}
        response = client.post("/v1/queries", files=files, headers=headers)
        return response.status_code, response.json()

    assert len(FIRST) == len(SECOND)
    status, accepted = send(FIRST)
    assert status == 202
    for again in (FIRST, gzip.compress(FIRST)):  # the sequence counts, not how it is packed
        assert send(again)[1]["id"] == accepted["id"]
    status, problem = send(SECOND)
    assert (status, problem["type"]) == (422, "/problems/token")
    assert "the key came with s7.fasta of 804 bytes before; choose a new key" in problem["detail"]
