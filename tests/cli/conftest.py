"""Fixtures of the command-line tests: two genomes that can be read, and the demo's queries."""

from __future__ import annotations

import pytest
from helpers.command_line import (
    GENOME,
    OTHER,
    QUERIES,
)


@pytest.fixture
def queries(demo):
    return [demo / f"{name}.fasta" for name in QUERIES]


@pytest.fixture
def good(tmp_path):
    (tmp_path / "good.fa").write_bytes(GENOME)
    return tmp_path / "good.fa"


@pytest.fixture
def other(tmp_path):
    (tmp_path / "other.fa").write_bytes(OTHER)
    return tmp_path / "other.fa"


@pytest.fixture
def places(own_index, good, tmp_path):
    """Paths that command lines of tests name in braces."""
    (tmp_path / "empty").touch()
    (tmp_path / "labels.tsv").write_text("genome_id\tspecies\nDEMO_0001\tAa b\n")
    return {
        "index": own_index,
        "good": good,
        "nowhere": tmp_path / "nowhere",
        "empty": tmp_path / "empty",
        "labels": tmp_path / "labels.tsv",
    }
