"""Writing of GFF3 1.26: features by contig and start, the lines of one feature together, parents first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from genome_index.errors import UsageError
from genome_index.io.atomic import write_file
from genome_index.lab.annotate.files.escapes import EMPTY, attribute_column, contig_column, text_column
from genome_index.lab.annotate.files.features import Annotation, Feature, Part
from genome_index.lab.annotate.files.hierarchy import Hierarchy

FASTA_WIDTH = 80
LARGEST_EXACT = 2**53  # below it a whole number is written without a point, and is the same float again


def write_gff3(annotation: Annotation, path: Path) -> None:
    """Write an annotation as GFF3; the file is complete or absent.

    Raises
    ------
    UsageError : two features cannot be told apart
    StorageError
    """
    write_file(path, "".join(gff3_lines(annotation)).encode())


def gff3_lines(annotation: Annotation) -> Iterator[str]:
    """The lines of the file, each with its line end; `read_annotation` gives `ordered(annotation)` back."""
    yield "##gff-version 3\n"
    for region in annotation.regions:
        yield f"##sequence-region {contig_column(region.contig)} {region.start + 1} {region.end}\n"
    features = ordered(annotation).features
    _require_distinct(features)
    for feature in features:
        for part in feature.parts:
            yield _line(feature, part)
    if annotation.sequences:
        yield "##FASTA\n"
    for contig in annotation.sequences:
        yield f">{contig.name}\n"
        bases = contig.sequence.decode("ascii")
        yield from (f"{bases[at : at + FASTA_WIDTH]}\n" for at in range(0, len(bases), FASTA_WIDTH))


def ordered(annotation: Annotation) -> Annotation:
    """The annotation with its features as they are written.

    Contigs are in the order of the regions, then as given; within a contig features are by start, and of
    those with one start the longest is first, then the parent.
    """
    features = annotation.features
    hierarchy = Hierarchy(features)
    names = [region.contig for region in annotation.regions] + [feature.contig for feature in features]
    contigs = {name: number for number, name in enumerate(dict.fromkeys(names))}
    keys = [
        (contigs[feature.contig], feature.start, -feature.end, hierarchy.depth(at), at)
        for at, feature in enumerate(features)
    ]
    return replace(annotation, features=tuple(features[key[-1]] for key in sorted(keys)))


def _require_distinct(features: Iterable[Feature]) -> None:
    """Raise UsageError where the lines of two features would be read as those of one."""
    known: set[tuple[str, str, str, str]] = set()
    for feature in features:
        key = (feature.contig, feature.source, feature.type, feature.id)
        if feature.id and key in known:
            raise UsageError(
                f"{feature.contig}: two features {feature.type} have the ID {feature.id!r}; give each its own"
            )
        known.add(key)


def _line(feature: Feature, part: Part) -> str:
    columns = (
        contig_column(feature.contig),
        EMPTY if feature.source == EMPTY else text_column(feature.source),
        text_column(feature.type),
        str(part.start + 1),
        str(part.end),
        EMPTY if part.score is None else _number(part.score),
        part.strand,
        EMPTY if part.phase is None else str(part.phase),
        attribute_column((*feature.attributes, *part.attributes)),
    )
    return "\t".join(columns) + "\n"


def _number(value: float) -> str:
    """The shortest text that is the same number again."""
    return str(int(value)) if value.is_integer() and abs(value) < LARGEST_EXACT else repr(value)
