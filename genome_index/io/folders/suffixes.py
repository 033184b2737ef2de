"""Endings of file names: of sequence files, of compression, and of files that hold no whole genome."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

FASTA = (".fa", ".fasta", ".fna", ".fas", ".fsa", ".fsa_nt", ".ffn", ".mfa")
FLAT_FILES = (".gb", ".gbk", ".gbff", ".gbf", ".genbank", ".embl")
SUFFIXES = (*FASTA, *FLAT_FILES)
COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".gzip", ".bgz")

WHOLE = (".fna", ".fa", ".fasta", ".fas")  # the assembly, beside which annotation programs write
COPIES = (".fsa", *FLAT_FILES)  # the assembly once more
PROTEIN = (".faa", ".pep", ".gp", ".gpff", ".pep.all.fa", ".pep.fa")
READS = (".fastq", ".fq", ".sam", ".bam", ".cram", ".sra")
ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".7z", ".rar")
GENES = re.compile(  # file names of NCBI (downloads, datasets) and of Ensembl, in lower case
    r"(?:.*_)?(?:cds|rna)_from_genomic\.\w+|gc[af]_\d+.*_rna\.\w+|(?:cds|rna|gene)\.fna"
    r"|.*\.(?:cds|cdna|ncrna)(?:\.all)?\.fa|.*\.frn"
)


def plain_name(name: str) -> str:
    """A file name in lower case, without its endings of compression.

    >>> plain_name("Ecoli.FNA.gz")
    'ecoli.fna'
    """
    lower = name.lower()
    for suffix in COMPRESSED:
        lower = lower.removesuffix(suffix)
    return lower


def is_sequence_name(name: str) -> bool:
    """Whether a file name has the ending of a sequence file."""
    return plain_name(name).endswith(SUFFIXES)


def why_passed_over(name: str, beside: AbstractSet[str]) -> str:
    """What a file of a folder is, if it is not to be read as a genome: a noun in the plural; else empty.

    `beside` has the plain names of all files of the same folder.
    """
    plain = plain_name(name)
    if name.startswith("._"):
        return "files of macOS"
    if name.startswith("."):
        return "hidden files"
    if plain.endswith(PROTEIN):
        return "files of proteins"
    if GENES.fullmatch(plain) or (plain.endswith(".ffn") and _is_beside(plain, ".ffn", beside)):
        return "files of CDS or RNA"
    if any(_is_beside(plain, ending, beside) for ending in COPIES if plain.endswith(ending)):
        return "other forms of a genome beside them"
    if plain.endswith(SUFFIXES):
        return ""
    if plain.endswith(READS):
        return "files of reads"
    return "archives" if plain.endswith(ARCHIVES) else "files with other endings"


def _is_beside(plain: str, ending: str, beside: AbstractSet[str]) -> bool:
    """Whether the assembly itself lies beside a file of an annotation program, or of NCBI datasets."""
    stem = plain.removesuffix(ending)
    if stem == "genomic":
        return any(other.endswith("_genomic.fna") for other in beside)
    return any(stem + whole in beside for whole in WHOLE)
