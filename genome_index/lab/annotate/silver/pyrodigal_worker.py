"""A process of its own that finds genes with pyrodigal (GPL-3): JSON lines in, JSON lines out.

It is run as a file by an interpreter that has pyrodigal; it imports nothing of gindex, and nothing imports
it. First it writes its version; then, for each line with a genome, a line with its genes or the reason why
there are none.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def main() -> None:
    """Answer line by line until the input ends."""
    import pyrodigal

    _write({"version": pyrodigal.__version__, "least_bp": pyrodigal.MIN_SINGLE_GENOME})
    for line in sys.stdin:
        try:
            _write({"genes": _genes(pyrodigal, json.loads(line))})
        except (ValueError, RuntimeError) as error:
            _write({"error": str(error)})


def _genes(pyrodigal: Any, wanted: dict[str, Any]) -> list[list[Any]]:  # noqa: ANN401  # not installed everywhere
    """Genes: contig's number, begin, end, strand, open ends, genetic code, start codon, score."""
    sequences = [sequence.encode() for sequence in wanted["contigs"]]
    finder = pyrodigal.GeneFinder(meta=wanted["meta"])
    if not wanted["meta"]:
        finder.train(*sequences, translation_table=wanted["code"])
    return [
        [number, gene.begin, gene.end, gene.strand, gene.partial_begin, gene.partial_end,
         gene.translation_table, gene.start_type, round(gene.score, 2)]
        for number, sequence in enumerate(sequences)
        for gene in finder.find_genes(sequence)
    ]  # fmt: skip


def _write(values: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
