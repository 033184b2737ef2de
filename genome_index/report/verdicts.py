"""Verdicts in words: heading, meaning and advice of each, for the terminal, the report and the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from genome_index.records import RANKS

SPECIES = (
    "ANI and aligned fraction reach the thresholds of this species, no other species is within the margin, "
    "and the probability is high enough"
)
HIGHER = "the species was not certain enough (the reason says why), but this rank is"


@dataclass(frozen=True)
class VerdictText:
    """The words for one verdict."""

    meaning: str  # a clause; docs/guides/read-a-call.md has the same
    heading: str = ""  # in place of a name, for verdicts without one
    advice: str = ""  # a sentence: what the reader can do


VERDICTS: Mapping[str, VerdictText] = {
    **{rank: VerdictText(SPECIES if rank in ("strain", "species") else HIGHER) for rank in reversed(RANKS)},
    "piece": VerdictText(
        "a small part of its closest genome, such as a contig, a phage or a plasmid: the call says in which "
        "genomes it lies, and names it only if most genomes of that species hold it",
        "A piece of a genome",
        "Query contigs and reads with --fragments, or send the whole genome.",
    ),
    "unnamed": VerdictText(
        "as near as genomes of one species are, but to a genome that has no species name",
        "A species without a name",
        "Look the closest genome up, or give it a name with `gindex relabel`.",
    ),
    "novel": VerdictText("related to references of the index, but no rank is certain enough", "Novel"),
    "ambiguous": VerdictText(
        "several species match equally well, or the genomes of two names are interleaved in the index; the "
        "call names them",
        "Ambiguous",
    ),
    "out_of_scope": VerdictText(
        "nothing in the index is comparable: no shared k-mer, and no hit nearer than random sequence of the "
        "same length and GC content",
        "Out of scope",
        "Query another index: this one has no related genome.",
    ),
    "qc_fail": VerdictText(
        "shorter than 500 bp, more than half N, a mixture (20 % or more of other species), or more than 40 % "
        "of it in no reference",
        "Failed quality control",
        "Send a longer or cleaner assembly, or separate the genomes.",
    ),
    "failed": VerdictText(
        "the input could not be read; the reason says why, and how to correct it",
        "Not readable",
        "Correct the file and send it again.",
    ),
}


def verdict_name(verdict: str) -> str:
    """The verdict in a table or a sentence.

    >>> verdict_name("out_of_scope")
    'out of scope'
    """
    return verdict.replace("_", " ")
