"""Known bases: what skani measures of a sequence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genome_index.io.bases import IUPAC, known_bases


@given(st.lists(st.sampled_from(IUPAC), max_size=300).map(bytes))
def test_known_bases_are_the_others_left_out(sequence: bytes) -> None:
    kept = [code for code in sequence if chr(code) in "ACGTUacgtu"]
    assert known_bases(sequence) == bytes(kept).replace(b"U", b"T").replace(b"u", b"t")


def test_runs_of_every_ambiguity_code_are_left_out() -> None:
    for code in set(IUPAC) - set(b"ACGTUacgtu"):
        assert known_bases(b"AC" + bytes([code]) * 50 + b"gU") == b"ACgT"
    assert known_bases(b"ACGT" * 1_000) == b"ACGT" * 1_000
    assert known_bases(b"") == b""
