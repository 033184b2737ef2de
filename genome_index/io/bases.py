"""Bases of a record: nucleotide codes are checked, and A, C, G, T, U counted.

A character that is no nucleotide code becomes N, as long as there are few: one damaged letter is no reason to
refuse a genome. X is a mask (cross_match, RepeatMasker), of which there may be many.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genome_index.io.kernels.kernel import kernel, kernel_with
from genome_index.records import Contig, Taxon

END_OF_FILE = b"\x1a"  # Ctrl-Z, with which files of DOS end
IUPAC = b"ACGTUNRYSWKMBDHVacgtunryswkmbdhv"
WHITE_SPACE = b"\r\n\t \v\f"
GAPS_TO_N = bytes.maketrans(b"-.", b"NN")  # without the gap its flanks would form k-mers that do not exist


TO_N = bytes(code if code in IUPAC else ord("N") for code in range(256))
MASKS = b"Xx"
NEVER = bytes([*range(32), 127, ord(">")])  # of damaged files, and of a header without its line end
FEW, FEW_SHARE = 10, 0.01  # characters, and share of the bases, up to which foreign ones are accepted
UNKNOWN = bytes(code for code in range(256) if code not in b"ACGTUacgtu")
U_TO_T = bytes.maketrans(b"Uu", b"Tt")


class FileRecord(NamedTuple):
    """One record of a file, with the reason why it cannot be used."""

    contig: Contig
    taxon: Taxon
    reason: str = ""  # empty if it can be used
    is_master: bool = False  # of a project, whose contigs may follow in the same file
    foreign: bytes = b""  # its characters that are no nucleotide codes, which are N in the contig


NO_TAXON = Taxon()  # of every FASTA record


def checked_record(contig: Contig, taxon: Taxon) -> FileRecord:
    """The record without white space, gaps as N; many characters that are no nucleotide code are an error."""
    sequence = contig.sequence
    if count_bases(np.frombuffer(sequence, np.uint8)) == len(sequence):
        return FileRecord(contig, taxon)
    sequence = sequence.translate(GAPS_TO_N, WHITE_SPACE).rstrip(END_OF_FILE)
    foreign = sequence.translate(None, IUPAC)
    if not foreign:
        return FileRecord(Contig(contig.name, sequence), taxon)
    strange = len(foreign.translate(None, MASKS))
    refused = strange > max(FEW, FEW_SHARE * len(sequence)) or foreign.translate(None, NEVER) != foreign
    reason = not_nucleotides(contig.name, foreign) if refused else ""
    return FileRecord(Contig(contig.name, sequence.translate(TO_N)), taxon, reason, foreign=foreign)


def known_bases(sequence: bytes) -> bytes:
    """The A, C, G and T of a sequence, U as T; ambiguous bases are left out, and what they part is joined.

    >>> known_bases(b"ACNNNNGU")
    b'ACGT'
    """
    return sequence.translate(U_TO_T, UNKNOWN)


def too_many(foreign: bytes, length_bp: int) -> bool:
    """Whether characters that are no nucleotide codes are more than slips; masks (X) are not counted."""
    return len(foreign.translate(None, MASKS)) > FEW_SHARE * length_bp


def not_nucleotides(name: str, foreign: bytes) -> str:
    """Why a record with these foreign characters is refused, as a sentence."""
    cure = (
        "this looks like protein, gindex reads nucleotides"
        if foreign[:1].isalpha()
        else "is it a sequence file?"
    )
    return f"record {name!r} has {_shown(foreign)}, which are not nucleotide codes; {cure}"


def read_as_n(foreign: bytes) -> tuple[str, ...]:
    """A warning that counts the foreign characters of a genome, as sentences; empty if there are none."""
    if not foreign:
        return ()
    which = "1 character is no nucleotide code and was" if len(foreign) == 1 else (
        f"{len(foreign):,} characters are no nucleotide codes and were"
    )  # fmt: skip
    return (f"{which} read as N ({_shown(foreign)})",)


def _shown(foreign: bytes) -> str:
    return ", ".join(repr(chr(code)) for code in sorted(set(foreign))[:6])


IS_BASE = np.isin(np.arange(256), np.frombuffer(b"ACGTUacgtu", np.uint8))  # by ASCII code


def _count_bases_plainly(sequence: npt.NDArray[np.uint8]) -> int:
    return int(np.count_nonzero(IS_BASE[sequence]))


@kernel_with(_count_bases_plainly)
def count_bases(sequence: npt.NDArray[np.uint8]) -> int:
    """The number of A, C, G, T and U, in either case: (L,) -> int.

    Summed in single bytes, 128 at a time, which the processor does for many bases at once.
    """
    bases, whole = 0, sequence.size // 128 * 128
    for start in range(0, whole, 128):
        some = np.uint8(0)
        for i in range(start, start + 128):
            some = np.uint8(some + is_base(sequence[i]))
        bases += int(some)
    for i in range(whole, sequence.size):
        bases += int(is_base(sequence[i]))
    return bases


@kernel
def is_base(code: np.uint8) -> np.uint8:
    """1 for the ASCII code of A, C, G, T or U, in either case; 0 for any other."""
    code |= np.uint8(32)
    return np.uint8((code == 97) | (code == 99) | (code == 103) | (code == 116) | (code == 117))


@kernel
def mark_bases(sequence: npt.NDArray[np.uint8], marks: npt.NDArray[np.uint8]) -> None:
    """Write 1 to `marks` for each A, C, G, T or U, 0 for any other code: (L,), (L,)."""
    for i in range(sequence.size):
        marks[i] = is_base(sequence[i])
