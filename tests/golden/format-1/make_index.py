"""The index folder in `index.tar.xz` and its answers in `calls.json`, made by the code of commit cb647f2.

Run it with that commit's code on the path, from its root:

    git worktree add /tmp/gindex-0.1 cb647f2 && cd /tmp/gindex-0.1
    PYTHONPATH=. python .../tests/golden/format-1/make_index.py .../tests/golden/format-1
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from pathlib import Path

from genome_index import Index, IndexSpec, build_index, query_index

SIX = (1, 2, 4, 5, 15, 17)  # of the demo: two species of Demobacter by twos, two of Specimenella by ones
SPEC = IndexSpec(dim=2, small_scaled=64)  # with the defaults the archive would be twice as large
DEMO = Path("data/demo")
QUERIES = (
    "genomes/DEMO_0001.fa.gz",
    "genomes/DEMO_0003.fa.gz",
    "sample.fasta",
    "novel.fasta",
    "stranger.fasta",
)


def main(out: Path) -> None:
    from genome_index.report import call_json  # where it was in that commit

    with tempfile.TemporaryDirectory() as name:
        index = Path(name) / "index"
        genomes = [DEMO / "genomes" / f"DEMO_{number:04}.fa.gz" for number in SIX]
        build_index(genomes, index, DEMO / "taxonomy.tsv", spec=SPEC)
        calls = query_index(Index.open(index), [DEMO / query for query in QUERIES])
        documents = [call_json(call, {}) for call in calls]
        for document, query in zip(documents, QUERIES, strict=True):
            document["source"] = query
            del document["provenance"]
        (out / "calls.json").write_text(json.dumps(documents, indent=1) + "\n")
        with tarfile.open(out / "index.tar.xz", "w:xz") as archive:
            archive.add(index, "index")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
