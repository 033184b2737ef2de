"""Sentences of the pages: how to read each section."""

from __future__ import annotations

from genome_index.collection.species_borders import Identities

ZOOM = "The wheel or two fingers zoom, a click on the legend hides a name."
MAP = {
    "umap": "Each point is a genome; near points have similar vectors (UMAP of the nearest neighbours). The "
    f"distance between islands means little. {ZOOM}",
    "pca": f"Each point is a genome, on the two axes along which the vectors differ most (PCA). {ZOOM}",
}
DIFFERENCES = (
    "Split: the genomes of a name are in several groups. Merged: a group contains several names. Either a "
    "label is wrong, or the name and the threshold draw the border at different places."
)
SUSPECTS = (
    "Genomes whose label disagrees with their neighbours, that may be mixtures, that contain contigs of "
    "another genus, or whose length, GC content or ambiguous bases differ from their relatives. Each is a "
    "question, not a judgement: look at its windows (`gindex draw genome`)."
)
INTERLEAVED = (
    "Two names whose genomes are as near to each other as to their own: one may be a synonym of the other, "
    "or the genomes of one have a wrong label. A query of such a species is ambiguous."
)
DUPLICATES = (
    "Exact: the same sequence. Near: at least 99.9 % ANI. If they have two names, one of them is probably "
    "wrong, or the two are one species; `gindex dereplicate` keeps one genome of each set."
)
IDENTITY = (
    "ANI of each genome to the nearest genome of its own species, and to the nearest of another. Where the "
    "two overlap no single threshold can separate them; the index learns one for each species (band, line)."
)
TAXONOMY = "Genomes by name, broad ranks inside. A click on a name opens it, a click on the middle goes back."
NOTHING = {
    "groups": "There is no genome.",
    "differences": "Groups and names agree: no name is in two groups, and no group has two names.",
    "suspects": "Nothing looks wrong.",
    "interleaved_names": "No two names are interleaved.",
    "duplicates": "There are no identical or nearly identical genomes.",
}

CALLS = (
    "One row for every input. A confidence of 0.99 means that of 100 calls with such evidence 99 are right."
)
MARKED_MAP = (
    "The genomes of the index, and each query as a star among its hits. Near points have similar vectors; a "
    f"query without a comparable hit is not shown. {ZOOM}"
)
NAMES = "Queries by called name, broad ranks inside; queries without a name are grouped by verdict."
QUERIES = (
    "Each answer with its evidence. The bars are its windows, as high as their identity to the "
    "species with most shared k-mers, in its colour: it changes along a chimera or a contaminated genome."
)


def of_identity(identities: Identities) -> str:
    """How to read the histograms, and what they show."""
    several = len(identities.borders) > 1
    sentences = [
        f"{border.molecule}: {' '.join(border.sentences())}" if several else " ".join(border.sentences())
        for border in identities.borders
    ]
    return " ".join([IDENTITY, *sentences])


def of_groups(rank: str, ani: float | None) -> str:
    """How groups were made: at an ANI in percent, or by the usual score within a rank."""
    if ani is not None:
        linked, best = f"Genomes linked at {ani:.4g} % ANI and more.", "100 % ANI"
    else:
        linked = f"Genomes linked by the score that most genomes of one {rank} have."
        best = "the score of a genome with itself"
    return (
        f"{linked} Diameter and gap are differences from {best}: of the farthest compared pair within the "
        "group, and of the nearest other group. Purity is the share of the commonest name."
    )


def of_heatmap(shown: int, genomes: int) -> str:
    """Which genomes are in the heatmap: all of them, or medoids."""
    which = "All genomes" if shown == genomes else f"The medoids of the {shown:,} largest groups"
    return (
        f"{which}, in the order of the tree (average linkage of the vectors). Above the diagonal ANI where "
        "it is known, below it the similarity of the vectors."
    )


def of_explanations(shown: int, queries: int) -> str:
    """What unfolds below the answers; empty if there are no explanations."""
    if not shown:
        return ""
    which = "" if shown == queries else f" (of the first {shown:,}; `gindex explain` gives all)"
    return f" Why this verdict{which}: candidates, thresholds, probabilities and the rules that decided."


def of_queries(shown: int, usable: int) -> str:
    """How to read the answers, and how many of the usable queries have their windows shown."""
    if shown == usable:
        return QUERIES
    return f"{QUERIES} The first {shown:,} have their windows here; `gindex draw genome` draws others."
