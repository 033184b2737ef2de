"""What the page says above each of its parts: what is seen, and how to read it."""

from __future__ import annotations

from genome_index.collection.species_borders import Identities

ZOOM = "Wheel or pinch zooms, a click in the legend hides a name."
MAP = {
    "umap": "Each point is a genome; near points have like vectors (UMAP of the nearest neighbours). How far "
    f"apart islands lie says little. {ZOOM}",
    "pca": "Each point is a genome, on the two axes along which the vectors differ most (PCA). " + ZOOM,
}
DIFFERENCES = (
    "Split: a name whose genomes lie in several groups. Merged: a group that holds several names. Either a "
    "label is wrong, or the name and the threshold draw the border at different places."
)
SUSPECTS = (
    "Genomes whose label disagrees with their neighbours, that look like a mixture, that hold contigs of "
    "another genus, or that are unlike their kin in length, GC content or letters. Each is a question, not a "
    "judgement: look at its painting (`gindex draw genome`)."
)
DUPLICATES = (
    "Exact: the same sequence. Near: at least 99.9 % ANI. Under two names, one of them is probably wrong, or "
    "the two are one species; `gindex dereplicate` keeps one of each."
)
IDENTITY = (
    "Identity of each genome with the nearest of its own species, and with the nearest of another. Where the "
    "two overlap no threshold can part them; the index learns one for each species (band and line)."
)
TAXONOMY = "Genomes by name, broad ranks inside. A click opens a name, a click in the middle goes back."
NOTHING = {
    "groups": "There is no genome.",
    "differences": "Groups and names agree: no name spans two groups, and no group two names.",
    "suspects": "Nothing looks wrong.",
    "duplicates": "No two genomes are the same, or nearly.",
}

CALLS = (
    "One row for every input. A confidence of 0.99 means that of calls made on such evidence 99 of 100 are "
    "right."
)
MARKED_MAP = (
    "The genomes of the index, and each query, a star, amid its hits. Near points have like vectors; a query "
    f"without a comparable hit has no place. {ZOOM}"
)
NAMES = "The queries by what they were called, broad ranks inside; what was not called is a part of its own."
QUERIES = (
    "Each answer with what it rests on. The painting shows a genome's windows in the colours of the species "
    "they share most words with, as high as the identity: a mosaic or a contamination shows as stripes."
)


def of_identity(identities: Identities) -> str:
    """How to read the histograms, and what they show."""
    several = len(identities.borders) > 1
    said = [
        f"{border.molecule}: {' '.join(border.sentences())}" if several else " ".join(border.sentences())
        for border in identities.borders
    ]
    return " ".join([IDENTITY, *said])


def of_groups(rank: str, ani: float | None) -> str:
    """How groups were made: at an ANI in percent, or as those of a rank mostly are."""
    if ani is not None:
        linked, missing = f"Genomes linked at {ani:.4g} % ANI and more.", "100 % ANI"
    else:
        linked = f"Genomes linked as those of one {rank} mostly are."
        missing = "the score of a genome with itself"
    return (
        f"{linked} Diameter and gap are what lacks to {missing}: of the farthest pair compared within, and "
        "to the nearest other group. Purity is the share of the commonest name."
    )


def of_heatmap(shown: int, genomes: int) -> str:
    """Who is in the heatmap: all of the genomes, or medoids."""
    who = "All genomes" if shown == genomes else f"The medoids of the {shown:,} largest groups"
    return (
        f"{who}, in the order of the tree at the side (average linkage of the vectors). Above the diagonal "
        "ANI where it is known, below it the similarity of the vectors."
    )


def of_queries(painted: int, usable: int) -> str:
    if painted == usable:
        return QUERIES
    return f"{QUERIES} Painted are the first {painted:,}; `gindex draw genome` paints the others."
