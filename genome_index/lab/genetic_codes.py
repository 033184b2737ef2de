"""Genetic codes of NCBI: translation, and stop codons.

Of the codes 27, 28 and 31 a codon that is both, an amino acid within a gene and a stop at its end, is the
amino acid.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError

BASES = "TCAG"  # the order of NCBI's tables
STANDARD = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
DIFFERENCES: Mapping[int, str] = {
    1: "",  # standard
    2: "AGA=* AGG=* ATA=M TGA=W",  # mitochondria of vertebrates
    3: "ATA=M CTA=T CTC=T CTG=T CTT=T TGA=W",  # mitochondria of yeasts
    4: "TGA=W",  # Mycoplasma; mitochondria of moulds, protozoa and coelenterates
    5: "AGA=S AGG=S ATA=M TGA=W",  # mitochondria of invertebrates
    6: "TAA=Q TAG=Q",  # ciliates
    9: "AAA=N AGA=S AGG=S TGA=W",  # mitochondria of echinoderms and flatworms
    10: "TGA=C",  # euplotids
    11: "",  # bacteria, archaea and plastids; other start codons than the standard code
    12: "CTG=S",  # alternative code of yeasts
    13: "AGA=G AGG=G ATA=M TGA=W",  # mitochondria of ascidians
    14: "AAA=N AGA=S AGG=S TAA=Y TGA=W",  # alternative code of flatworm mitochondria
    15: "TAG=Q",  # Blepharisma
    16: "TAG=L",  # mitochondria of chlorophytes
    21: "AAA=N AGA=S AGG=S ATA=M TGA=W",  # mitochondria of trematodes
    22: "TAG=L TCA=*",  # mitochondria of Scenedesmus obliquus
    23: "TTA=*",  # mitochondria of Thraustochytrium
    24: "AGA=S AGG=K TGA=W",  # mitochondria of pterobranchs
    25: "TGA=G",  # SR1 and Gracilibacteria
    26: "CTG=A",  # Pachysolen tannophilus
    27: "TAA=Q TAG=Q TGA=W",  # karyorelicts
    28: "TAA=Q TAG=Q TGA=W",  # Condylostoma
    29: "TAA=Y TAG=Y",  # Mesodinium
    30: "TAA=E TAG=E",  # peritrichs
    31: "TAA=E TAG=E TGA=W",  # Blastocrithidia
    32: "TAG=W",  # plastids of Balanophoraceae
    33: "AGA=S AGG=K TAA=Y TGA=W",  # mitochondria of Cephalodiscidae
}
"""Codons in which a code differs from the standard code (NCBI, The Genetic Codes), with their meaning."""

CODON = 3
STOP, UNKNOWN = b"*", b"X"
_CODONS, _NO_BASE = 64, 64


def translate(sequence: bytes, code: int) -> bytes:
    """Amino acids from the first base on: a letter a codon, * for a stop, X for a codon with any other base.

    Bases after the last whole codon are left out.

    Raises
    ------
    UsageError
        NCBI has no code of this number.

    >>> translate(b"ATGTGANNNTTuTA", 11)
    b'M*XF'
    """
    whole = len(sequence) // CODON * CODON
    bases = _base_numbers()[np.frombuffer(sequence, np.uint8, whole)].reshape(-1, CODON)
    codons = bases[:, 0] * 16 + bases[:, 1] * 4 + bases[:, 2]
    return bytes(_letters(code)[np.minimum(codons, _CODONS)])


def stop_codons(code: int) -> frozenset[bytes]:
    """The codons that end a gene.

    Raises
    ------
    UsageError
        NCBI has no code of this number.

    >>> sorted(stop_codons(6))
    [b'TGA']
    """
    codons = map("".join, product(BASES, repeat=CODON))
    return frozenset(codon.encode() for codon in codons if translate(codon.encode(), code) == STOP)


@cache
def _base_numbers() -> npt.NDArray[np.int16]:
    numbers = np.full(256, _NO_BASE, np.int16)
    for number, base in enumerate(BASES):
        for spelling in (base, base.lower()) + (("U", "u") if base == "T" else ()):
            numbers[ord(spelling)] = number
    return numbers


@cache
def _letters(code: int) -> npt.NDArray[np.uint8]:
    """The letter of each codon, and X in the last place: (65,)."""
    if code not in DIFFERENCES:
        raise UsageError(
            f"--code {code}: NCBI has no such code; choose of {', '.join(map(str, DIFFERENCES))}"
        )
    letters = list(STANDARD)
    for difference in DIFFERENCES[code].split():
        codon, letter = difference.split("=")
        first, second, third = map(BASES.index, codon)
        letters[first * 16 + second * 4 + third] = letter
    return np.frombuffer("".join(letters).encode() + UNKNOWN, np.uint8)
