"""The index folder in `index.tar.xz` and its answers in `calls.json`, made by the code of commit cb647f2.

Run it with that commit's code on the path, from its root:

    git worktree add /tmp/gindex-0.1 cb647f2 && cd /tmp/gindex-0.1
    PYTHONPATH=. python .../tests/golden/format-1/make_index.py .../tests/golden/format-1
"""

from __future__ import annotations

import gzip
import json
import sys
import tarfile
import tempfile
from pathlib import Path

from genome_index import Index, IndexSpec, build_index, query_index
from genome_index.report import call_json

SIX = (1, 2, 4, 5, 15, 17)  # of the demo: two species of Demobacter by twos, two of Specimenella by ones
LENGTH_BP = 12_000  # of each genome, from its start; a whole one would make the archive four times as large
DIM = 2  # a row of the projection is 130 kB


def bases_of(number: int) -> str:
    with gzip.open(f"data/demo/genomes/DEMO_{number:04}.fa.gz", "rt") as lines:
        return "".join(line.strip() for line in lines if not line.startswith(">"))


def write_genome(folder: Path, number: int, start: int = 0, name: str = "") -> Path:
    name = name or f"DEMO_{number:04}"
    path = folder / f"{name}.fa"
    path.write_text(f">{name}\n{bases_of(number)[start : start + LENGTH_BP]}\n")
    return path


def main(out: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        index = folder / "index"
        genomes = [write_genome(folder, number) for number in SIX]
        build_index(genomes, index, "data/demo/taxonomy.tsv", spec=IndexSpec(dim=DIM))
        queries = [genomes[0], write_genome(folder, 3, name="fictus"), write_genome(folder, 18, name="genus")]
        queries += [write_genome(folder, 40, name="other"), write_genome(folder, 1, 6_000, "shifted")]
        calls = [call_json(call, {}) for call in query_index(Index.open(index), queries)]
        for call in calls:
            call["source"] = Path(call["source"]).name
            del call["provenance"]
        (out / "calls.json").write_text(json.dumps(calls, indent=1) + "\n")
        for query in queries[1:]:
            (out / query.name).write_bytes(query.read_bytes())
        with tarfile.open(out / "index.tar.xz", "w:xz") as archive:
            archive.add(index, "index")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
