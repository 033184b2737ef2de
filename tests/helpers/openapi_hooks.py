"""Sequences that schemathesis sends: mostly valid FASTA, sometimes compressed or damaged."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

import schemathesis
from hypothesis import strategies as st

BASES = st.text("ACGT", min_size=1, max_size=60)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20)


def fasta(records: Sequence[tuple[str, str, int]]) -> bytes:
    return "".join(f">{name}\n{bases * times}\n" for name, bases, times in records).encode()


GENOMES = st.lists(st.tuples(NAMES, BASES, st.integers(1, 200)), min_size=1, max_size=4).map(fasta)
SEQUENCES = st.one_of(GENOMES, GENOMES, GENOMES.map(gzip.compress), st.binary(max_size=200))

schemathesis.openapi.media_type("text/x-fasta", SEQUENCES)
schemathesis.openapi.media_type("application/octet-stream", SEQUENCES)
