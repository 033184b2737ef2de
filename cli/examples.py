"""Examples at the end of the help of the main commands."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "": (
        "gindex build genomes/ --taxonomy taxonomy.tsv --index my-index",
        "gindex query sample.fasta --index my-index",
    ),
    "fetch": ("gindex fetch NC_000913.3 GCF_000005845.2", "gindex fetch --taxon Hylidae --limit 50"),
    "build": (
        "gindex build genomes/ --taxonomy taxonomy.tsv --index my-index",
        "gindex build all.fasta --genome-per record --index my-index",
    ),
    "add": ("gindex add new/*.fa.gz --taxonomy taxonomy.tsv --index my-index",),
    "query": (
        "gindex query sample.fasta --index my-index",
        "gindex query bins/ --format tsv --output calls.tsv --report calls.html",
        "gindex query contigs.fasta --fragments --format jsonl",
    ),
    "explain": (
        "gindex explain sample.fasta --index my-index",
        "gindex explain bins/ --format json --output explanations.json",
    ),
    "find": (
        'gindex find "thermophilic archaeon from a hot spring" --index my-index',
        "gindex find 'Hylidae of Japan' --format tsv --output frogs.tsv",
    ),
    "list": ("gindex list --format parquet --output genomes.parquet",),
    "sql": ('gindex sql "SELECT species, count(*) FROM genomes GROUP BY species"',),
    "export": (
        "gindex export newick --output tree.nwk",
        "gindex export itol --rank genus --output strip.txt",
    ),
    "report": ("gindex report --rank genus --out genus-report",),
    "dereplicate": ("gindex dereplicate --ani 99 --output representatives.tsv",),
    "serve": ("gindex serve --index my-index --port 8765",),
    "backup": ("gindex backup gindex-service copy-of-monday",),
    "embed": ("gindex embed genomes/ --format npy --out vectors",),
}
"""Command lines by command; those of "" stand in `gindex --help`."""


def epilog(command: str) -> str | None:
    """The examples of a command as the end of its help; None if it has none."""
    if command not in EXAMPLES:
        return None
    lines = "\n".join(f"  {line}" for line in EXAMPLES[command])
    return f"\b\nExamples:\n{lines}"  # after \b, click keeps the lines as they are
