"""Translation and six frames beside Biopython's tables, and on sequences worked out by hand."""

from __future__ import annotations

import pytest
from Bio.Data import CodonTable
from Bio.Seq import Seq
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.errors import UsageError
from genome_index.io.sequence import reverse_complement
from genome_index.lab.genetic_codes import DIFFERENCES, translate
from genome_index.lab.proteins.six_frames import LEAST_RESIDUES, six_frames

CODES = st.sampled_from(sorted(DIFFERENCES))
CODONS = [a + b + c for a in "TCAG" for b in "TCAG" for c in "TCAG"]


def dna(letters: str, longest: int) -> st.SearchStrategy[str]:
    return st.text(letters, max_size=longest)


def theirs(sequence: str, code: int) -> str:
    """Biopython's translation of the whole codons."""
    return str(Seq(sequence[: len(sequence) // 3 * 3]).translate(table=code))


def test_the_codes_are_those_of_ncbi() -> None:
    tables = CodonTable.unambiguous_dna_by_id
    assert set(DIFFERENCES) == set(tables)
    for code, table in tables.items():
        expected = "".join(table.forward_table.get(codon, "*") for codon in CODONS)
        assert translate("".join(CODONS).encode(), code).decode() == expected, code


@settings(deadline=None)
@given(dna("ACGTacgtUu", 120), CODES.filter(lambda code: code not in (27, 28, 31)))
def test_translation_is_that_of_biopython(sequence: str, code: int) -> None:
    assert translate(sequence.encode(), code).decode() == theirs(
        sequence.replace("U", "T").replace("u", "t"), code
    )


@settings(deadline=None)
@given(dna("ACGTNnRY-", 120), CODES.filter(lambda code: code not in (27, 28, 31)))
def test_a_codon_with_another_letter_is_unknown(sequence: str, code: int) -> None:
    codons = [sequence[at : at + 3] for at in range(0, len(sequence) - 2, 3)]
    expected = "".join("X" if set(codon) - set("ACGT") else theirs(codon, code) for codon in codons)
    assert translate(sequence.encode(), code).decode() == expected


def test_a_code_that_ncbi_does_not_have_is_refused() -> None:
    with pytest.raises(
        UsageError, match="--code 7: NCBI has no such code; choose of 1, 2, 3, 4, 5, 6, 9, 10"
    ):
        translate(b"ATG", 7)


def test_six_frames_by_hand() -> None:
    """Forward: ATG AAA TAA, (TGA) AAT AAC, GAA ATA ACC; backward: GGT TAT TTC, GTT ATT TCA, TTA TTT CAT."""
    found = list(six_frames(b"ATGAAATAACC", 11, least=2))
    assert found == [b"MK", b"NN", b"EIT", b"GYF", b"VIS", b"LFH"]
    assert list(six_frames(b"ATGAAATAACC", 11, least=3)) == [b"EIT", b"GYF", b"VIS", b"LFH"]
    assert list(six_frames(b"ATGAAATAACC", 2, least=3)) == [b"WNN", b"EMT", b"GYF", b"VIS", b"LFH"]


def test_stretches_have_thirty_known_residues() -> None:
    """Stop, 29 or 30 lysines, stop in the first frame; the other frames do not matter."""
    short, long = (b"TAA" + b"AAA" * number + b"TAA" for number in (29, 30))
    assert b"K" * 29 not in list(six_frames(short, 11))
    assert b"K" * 30 in list(six_frames(long, 11))
    masked = b"TAA" + b"AAA" * 15 + b"NNN" * 30 + b"AAA" * 14 + b"TAA"
    assert not any(
        stretch.startswith(b"K" * 15 + b"X") and stretch.endswith(b"K") for stretch in six_frames(masked, 11)
    )
    assert b"K" * 15 + b"X" * 30 + b"K" * 15 in list(six_frames(masked.replace(b"NAAA", b"NAAAAAA"), 11))
    assert LEAST_RESIDUES == 30


@settings(deadline=None)
@given(dna("ACGT", 600), CODES.filter(lambda code: code not in (27, 28, 31)))
def test_six_frames_are_those_of_biopython(sequence: str, code: int) -> None:
    expected = []
    for strand in (Seq(sequence), Seq(sequence).reverse_complement()):
        for frame in range(3):
            expected += theirs(str(strand[frame:]), code).split("*")
    expected = [stretch for stretch in expected if len(stretch) >= 5]
    assert [stretch.decode() for stretch in six_frames(sequence.encode(), code, 5)] == expected


@settings(deadline=None)
@given(dna("ACGTN", 400), CODES)
def test_both_strands_have_the_same_six_frames(sequence: str, code: int) -> None:
    forward = six_frames(sequence.encode(), code, 5)
    assert sorted(forward) == sorted(six_frames(reverse_complement(sequence.encode()), code, 5))
