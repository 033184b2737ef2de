"""Which corpora windows may be generated from: those of eukaryotes alone, by the lineage of each genome.

Generating genomes of viruses or of phages is not what this project does. So a genome whose lineage is not
known forbids it as one of a virus does, unless its kind says that it is an organelle.
"""

from __future__ import annotations

import re

from genome_index.errors import UsageError
from genome_index.lab.corpus.shards import CorpusGenome, Shards

LINEAGE, SEPARATOR, KIND = "lineage", ";", "kind"
ORGANELLES = ("mitochondrion", "organelle")  # beginnings of kinds that eukaryotes alone have
DOMAIN = "Eukaryota"
# Ends of words in names of viruses, by rank (International Code of Virus Classification and Nomenclature).
VIRAL = re.compile(
    r"(virus|viruses|viridae|virales|viricetes|viricota|virae|viria|phage|phages)\b", re.IGNORECASE
)
LONGEST_BP = 512  # of a generated window; a mitogenome of an animal has 16,500


def require_eukaryotes(shards: Shards) -> None:
    """Refuse a corpus in which any genome is not one of a eukaryote, as its lineage says.

    Raises
    ------
    UsageError
        A genome has no lineage, one of another domain, or a name of viruses in its lineage or its names.
    """
    for genome in shards.genomes():
        if reason := objection_to(genome):
            raise UsageError(
                f"{shards.path}: {genome.id} {reason}, and windows are generated only from models of "
                f"eukaryotes; build the corpus without it, or give its lineage ({DOMAIN}; ...) in the table "
                "of --taxonomy, and train on that"
            )


def objection_to(genome: CorpusGenome) -> str:
    """Why no windows are generated from models that have read a genome; empty if they may be."""
    kind = genome.labels.get(KIND, "")
    lineage = [name.strip() for name in genome.labels.get(LINEAGE, "").split(SEPARATOR)]
    if not lineage[0] and not kind.startswith(ORGANELLES):
        return "has no lineage"
    if lineage[0] not in ("", DOMAIN):
        return f"has a lineage that begins with {lineage[0]!r}"
    names = [*lineage, *genome.names.values(), *genome.also_named, kind]
    viral = [name for name in names if VIRAL.search(name)]
    return f"has the name {viral[0]!r}" if viral else ""
