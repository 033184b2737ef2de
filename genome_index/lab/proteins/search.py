"""Search of references by the proteins of genomes: genomes are read, proteins found, k-mers compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from genome_index.io.reader import iter_genomes
from genome_index.lab.proteins.comparison import Answer, Member, ProteinReferences, members
from genome_index.lab.proteins.gene_finding import GeneSettings, ProteinsOf, protein_finder
from genome_index.lab.proteins.kmers import KmerSettings
from genome_index.records import Failure, Progress, quiet
from genome_index.taxonomy.input_plan import Plan


@dataclass(frozen=True)
class SearchSettings:
    """How references are searched."""

    genes: GeneSettings = field(default_factory=GeneSettings)
    kmers: KmerSettings = field(default_factory=KmerSettings)
    hits: int = 5  # most references of a query
    exclude_identical: bool = False  # leave out references with the sequence of the query


def search_proteins(
    queries: Plan, references: Plan, settings: SearchSettings, progress: Progress = quiet
) -> Iterator[Answer | Failure]:
    """A Failure for each reference that cannot be read, then an Answer for each query, in order.

    Raises
    ------
    UsageError, ModelError
    """
    with protein_finder(settings.genes, progress) as proteins_of:
        known = list(_members(references, proteins_of, settings, progress))
        yield from (one for one in known if isinstance(one, Failure))
        named = [_with_taxon(one, references) for one in known if isinstance(one, Member)]
        compared = ProteinReferences(named, settings.kmers)
        for query in _members(queries, proteins_of, settings, progress):
            yield compared.answer(query, settings.hits, settings.exclude_identical)


def _members(
    plan: Plan, proteins_of: ProteinsOf, settings: SearchSettings, progress: Progress
) -> Iterator[Member | Failure]:
    return members(iter_genomes(plan.inputs, plan.per), proteins_of, settings.kmers, progress)


def _with_taxon(member: Member, plan: Plan) -> Member:
    """The member with its names in the given taxonomy; else those of its file."""
    taxon = plan.taxonomy.find(member.id) if plan.taxonomy else None
    return replace(member, taxon=taxon) if taxon else member
