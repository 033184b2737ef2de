"""Random annotations, and small annotation files of the shapes that real ones have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import strategies as st

from genome_index.lab.annotate.files.columns import joined
from genome_index.lab.annotate.files.features import Annotation, Feature, Part, Region, attributes_of
from genome_index.records import Contig

ROOT = Path(__file__).parents[2]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
NAMES = TEXT.filter(lambda name: name not in ("ID", "Parent", "Is_circular"))
SCORES = st.none() | st.floats(allow_nan=False, allow_infinity=False)
PHASES = st.sampled_from([None, 0, 1, 2])
SOME_ATTRIBUTES = st.dictionaries(NAMES, st.lists(TEXT | st.just(""), min_size=1, max_size=3), max_size=3)


@st.composite
def parts(draw: st.DrawFn, longest: int = 300) -> Part:
    start = draw(st.integers(0, longest - 1))
    end = draw(st.integers(start + 1, longest))
    return Part(start, end, draw(st.sampled_from("+-.?")), draw(PHASES), draw(SCORES))


@st.composite
def features(draw: st.DrawFn, number: int, contigs: list[str], longest: int = 300) -> Feature:
    """Feature number so-and-so of a file; its parent is one before it, or there is none."""
    own = draw(st.lists(parts(longest), min_size=1, max_size=4))
    common = draw(SOME_ATTRIBUTES)
    has_id = len(own) > 1 or draw(st.booleans())
    parents = draw(st.lists(st.integers(0, number - 1), max_size=2, unique=True)) if number else []
    pairs = [("ID", [f"feature;{number}"])] if has_id else []
    pairs += [("Parent", [f"feature;{parent}" for parent in parents])] if parents else []
    of_parts = [{**common, **draw(SOME_ATTRIBUTES)} for _ in own]
    attributes = [attributes_of([*pairs, *more.items()]) for more in of_parts]
    texts = draw(st.sampled_from(["gene", "CDS", "exon", "tRNA"]) | TEXT), draw(st.just(".") | TEXT)
    return joined(draw(st.sampled_from(contigs)), texts[1], texts[0], own, attributes, number + 1)


@st.composite
def annotations(draw: st.DrawFn, longest: int = 300) -> Annotation:
    contigs = draw(st.lists(TEXT, min_size=1, max_size=3, unique=True))
    drawn = tuple(draw(features(number, contigs, longest)) for number in range(draw(st.integers(0, 6))))
    regions = tuple(Region(name, 0, longest) for name in draw(st.lists(st.sampled_from(contigs), max_size=2)))
    names = draw(st.lists(st.from_regex(r"[A-Za-z0-9_.]+", fullmatch=True), max_size=2, unique=True))
    bases = st.text("ACGTNRYacgtn", min_size=1, max_size=200)
    sequences = tuple(Contig(name, draw(bases).encode()) for name in names)
    return Annotation(drawn, regions, sequences)


def real_annotations() -> list[Path]:
    """Real annotation files: in $GINDEX_ANNOTATIONS, else in ../shared/annotations; GenBank, EMBL, GFF3, GTF.

    The tests and examples of Biopython's source package and of gffutils are such files.
    """
    folder = Path(os.environ.get("GINDEX_ANNOTATIONS", ROOT.parent / "shared" / "annotations"))
    endings = (".gb", ".embl", ".gff", ".gff3", ".gtf", ".gff3.gz")
    files = (
        sorted(path for path in folder.rglob("*") if path.name.endswith(endings)) if folder.is_dir() else []
    )
    if not files:
        pytest.skip("no real annotation files: set GINDEX_ANNOTATIONS to a folder of them")
    return files


def flat_file(table: str, bases: str, topology: str = "linear", name: str = "TEST1") -> str:
    """A GenBank file of one record, whose feature table is given with keys and locations at any indent."""
    lines = [f"LOCUS       {name} {len(bases):>11} bp    DNA     {topology} BCT 01-JAN-2026"]
    lines += [f"ACCESSION   {name}", f"VERSION     {name}.1", "FEATURES             Location/Qualifiers"]
    for line in table.strip("\n").splitlines():
        key, _, rest = line.strip().partition(" ")
        is_key = not line.startswith("  ")
        lines.append(f"     {key:<16}{rest.strip()}" if is_key else f"{'':21}{line.strip()}")
    lines.append("ORIGIN")
    for at in range(0, len(bases), 60):
        blocks = [bases[block : block + 10] for block in range(at, min(at + 60, len(bases)), 10)]
        lines.append(f"{at + 1:>9} {' '.join(blocks).lower()}")
    return "\n".join([*lines, "//", ""])
