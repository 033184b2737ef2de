"""Text finds genomes: full-text search, and a projection of text and genome vectors, on held-out mitogenomes.

    PYTHONPATH=.:tests/bench python tests/bench/find.py [--duckdb PYTHON] [--text-encoder DIR] [--most N] [--held N]

--duckdb is an interpreter whose DuckDB has its extension fts (`pip install duckdb==1.4.4 duckdb-ext-fts`); without
one its rows are left out, with words. Parts are those of the released profile: by species and relatives. The text of
a genome is that of `gindex lab describe`, of what the table says. Queries: the genome's own text, and words about its
family (no genus, no species), which any genome of the family answers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from common import GENOMES, machine, rows

from genome_index.encoders.profile import RELEASED
from genome_index.io.reader import iter_genomes
from genome_index.lab.describe.project import full_text_scores, genome_vectors
from genome_index.lab.describe.projection import recall_at, released_profile
from genome_index.lab.describe.records import RecordDescription
from genome_index.lab.describe.text_encoder import TextEncoder, installed_folder
from genome_index.lab.describe.texts import template_text
from genome_index.lab.describe.train_projection import PairVectors, ProjectionTraining, train_projection
from genome_index.records import Genome, Lineage

KS = (1, 5, 10)
NEAREST = 10  # described genomes whose mean vector stands for a text
DUCKDB = """
import json, sys, duckdb, duckdb_ext
texts, queries = json.load(sys.stdin)
db = duckdb.connect(config={"extension_directory": f"{list(duckdb_ext.__path__)[0]}/extensions"})
db.execute("LOAD fts")
db.execute("SET enable_progress_bar = false")  # it is printed where the answer is
db.execute("CREATE TABLE texts (id INTEGER, text VARCHAR)")
db.executemany("INSERT INTO texts VALUES (?, ?)", list(enumerate(texts)))
db.execute("PRAGMA create_fts_index('texts', 'id', 'text')")
score = "SELECT id, s FROM (SELECT id, fts_main_texts.match_bm25(id, ?) AS s FROM texts) WHERE s IS NOT NULL"
print(json.dumps([db.execute(score, [query]).fetchall() for query in queries]))
"""


def described(row: dict[str, str]) -> str:
    """The text of a genome by the template."""
    lineage = tuple(filter(None, row["lineage"].split("; ")))
    organelle = "plastid" if "lastid" in row["kind"] else "mitochondrion"
    return template_text(RecordDescription(
        row["genome_id"], "", row["species"], "", Lineage(), lineage, "genomic DNA", organelle, True,
        int(row["length"]), "", "", "", "", "", {}, (), (), (), "", "", "",
    ))  # fmt: skip


def family_words(row: dict[str, str]) -> str:
    """Words about the family of a genome, without genus and species."""
    names = [name for name in row["lineage"].split("; ") if name not in ("", row["genus"])]
    above = names[: names.index(row["family"])] if row["family"] in names else names
    return f"mitochondrial genome from the family {row['family']}, {', '.join(reversed(above[-3:]))}"


def duckdb_scores(python: str, texts: Sequence[str], queries: Sequence[str]) -> np.ndarray:
    done = subprocess.run(
        [python, "-c", DUCKDB], input=json.dumps([texts, queries]), capture_output=True, text=True, check=True
    )
    scores = np.zeros((len(queries), len(texts)), np.float32)
    for at, found in enumerate(json.loads(done.stdout)):
        for row, score in found:
            scores[at, row] = score
    return scores


def shown(name: str, scores: np.ndarray, relevant: list[set[int]]) -> None:
    cells = " | ".join(f"{100 * recall_at(scores, relevant, k):.1f}" for k in KS)
    print(f"| {name} | {cells} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--duckdb")
    parser.add_argument("--text-encoder", type=Path)
    parser.add_argument("--most", type=int, default=10**9, help="training genomes")
    parser.add_argument("--held", type=int, default=10**9, help="validation and test genomes, of each")
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args()
    print(machine())
    table = {row["genome_id"]: row for row in rows("mito") if row["family"] and row["lineage"]}
    lines = (line.split("\t") for line in (RELEASED / "split.tsv").read_text().splitlines())
    part_of = {line[0]: line[1] for line in lines}
    genomes = [
        genome for genome in iter_genomes([GENOMES / "mito.fa.gz"], "record")
        if isinstance(genome, Genome) and genome.id in table and part_of.get(genome.id) in ("train", "validation", "test")
    ]  # fmt: skip
    encoder = TextEncoder(options.text_encoder or installed_folder())
    ids, texts, words, pairs = {}, {}, {}, {}
    for part in ("train", "validation", "test"):
        own = [genome for genome in genomes if part_of[genome.id] == part]
        most = options.most if part == "train" else options.held
        own = own[:: max(1, -(-len(own) // most))]
        ids[part] = [genome.id for genome in own]
        texts[part] = [described(table[one]) for one in ids[part]]
        words[part] = [family_words(table[one]) for one in ids[part]]
        distinct = sorted(set(words[part]))
        rows_of = dict(zip(distinct, encoder.encode(distinct), strict=True))
        ways = [encoder.encode(texts[part]), np.stack([rows_of[one] for one in words[part]])]
        vectors = np.concatenate([genome_vectors([own[at].contigs[0].sequence]) for at in range(len(own))])
        pairs[part] = PairVectors(ways, vectors)
        print(f"{part}: {len(own):,} genomes, {len(set(words[part])):,} families in words", flush=True)
    plan = ProjectionTraining(dim=options.dim, steps=options.steps)
    projection = train_projection(
        pairs["train"], pairs["validation"], encoder.version, released_profile().version, plan
    )
    test = pairs["test"]
    family = [table[one]["family"] for one in ids["test"]]
    relatives = [{at for at, name in enumerate(family) if name == own} for own in family]
    itself = [{at} for at in range(len(family))]
    gallery = projection.genomes(test.genomes)
    train_words = sorted(set(words["test"]))
    number = {one: at for at, one in enumerate(train_words)}
    place = [number[one] for one in words["test"]]
    print(
        f"\n| query, of {len(family):,} held-out genomes | {' | '.join(f'recall@{k}, %' for k in KS)} |\n|---|---|---|---|"
    )
    shown("own text: full-text search", full_text_scores(texts["test"], texts["test"]), itself)
    if options.duckdb:
        some = texts["test"][:100]  # a second each
        shown("100 own texts: DuckDB's", duckdb_scores(options.duckdb, texts["test"], some), itself[:100])
    own_scores = projection.texts(test.texts[0]) @ gallery.T
    shown("own text: projection, by sequence", own_scores, itself)
    shown("sequence finds own text: projection", np.ascontiguousarray(own_scores.T), itself)
    shown("own text, any genome of the family: projection", own_scores, relatives)
    shown("family words: full-text search", full_text_scores(texts["test"], train_words)[place], relatives)
    if options.duckdb:
        shown(
            "family words: DuckDB's",
            duckdb_scores(options.duckdb, texts["test"], train_words)[place],
            relatives,
        )
    else:
        print("no --duckdb: its rows are left out")
    shown("family words: projection, by sequence", projection.texts(test.texts[1]) @ gallery.T, relatives)
    found = full_text_scores(texts["train"], train_words)
    nearest = np.argsort(-found, axis=1, kind="stable")[:, :NEAREST]
    unit = test.genomes / np.linalg.norm(test.genomes, axis=1, keepdims=True)
    known = pairs["train"].genomes / np.linalg.norm(pairs["train"].genomes, axis=1, keepdims=True)
    transfer = np.stack([known[one].mean(0) for one in nearest]) @ unit.T
    shown(
        "family words, held-out genomes undescribed: search among the described, then nearest vectors",
        transfer[place],
        relatives,
    )
    print("| family words, held-out genomes undescribed: full-text search | 0.0 | 0.0 | 0.0 |")
    chance = np.random.default_rng(0).random(own_scores.shape, np.float32)
    shown("family words: by chance", chance, relatives)


if __name__ == "__main__":
    main()
