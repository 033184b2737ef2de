"""Genes across windows: which stitched parts belong to one gene."""

from __future__ import annotations

from collections.abc import Sequence

from genome_index.lab.annotate.prediction.stitching import Gene, Stitched


def gene_numbers(parts: Sequence[Stitched]) -> list[int]:
    """The gene of each part, numbered from 1 as they appear.

    Each window numbers its genes by itself; a part that several windows show says that their numbers mean one
    gene.
    """
    parents: dict[Gene, Gene] = {}

    def root(gene: Gene) -> Gene:
        while parents.setdefault(gene, gene) != gene:
            gene = parents[gene]
        return gene

    for part in parts:
        first, *others = (piece.gene for piece in part.pieces)
        for other in others:
            a, b = root(first), root(other)
            parents[max(a, b)] = min(a, b)
    numbers: dict[Gene, int] = {}
    roots = [root(part.pieces[0].gene) for part in parts]
    return [numbers.setdefault(gene, len(numbers) + 1) for gene in roots]
