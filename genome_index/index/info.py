"""`gindex info` and `gindex list`: a description of an index, and its genomes as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib import metadata
from typing import Any

from genome_index.index.calibration.samples import MIXTURE
from genome_index.index.index import Index
from genome_index.index.vectors.kinds import factory_for
from genome_index.io import tsv
from genome_index.records import RANKS, Entry, InterleavedNames, counted


def describe(index: Index) -> dict[str, Any]:
    """Everything that `gindex info` shows, as JSON has it; the keys are stable."""
    snapshot, model = index.snapshot, index.model
    entries = index.catalog.entries()
    return {
        "path": str(index.path),
        "snapshot": snapshot.number,
        "created": snapshot.created,
        "fingerprint": snapshot.fingerprint,
        "genomes": snapshot.genomes,
        "base_pairs": sum(entry.length_bp for entry in entries),
        "molecules": dict(Counter(entry.molecule for entry in entries)),
        "taxonomy_release": snapshot.taxonomy or None,
        "ranks": {rank: len(model.levels[rank].names) for rank in RANKS if rank in model.levels},
        "labels": {name: len(level.names) for name, level in model.levels.items() if name not in RANKS},
        "encoder": index.spec.encoder,
        "encoder_version": index.spec.encoder_version,
        "model": index.spec.model,
        "reading": index.spec.reading.stored() if index.spec.reading else None,
        "dim": model.vectors.dim,
        "faiss": factory_for(index.spec.faiss, snapshot.genomes),
        "settings_fingerprint": index.spec.fingerprint(),
        "keep_sequence": index.spec.keep_sequence,
        "fitted": snapshot.fitted,
        "changed_since_fit": snapshot.changed,
        "calibration": {
            "mixture": dict(MIXTURE),
            "levels": {
                name: {"samples": calibrator.samples, "threshold": round(calibrator.threshold, 3)}
                for name, calibrator in model.calibrators.items()
            },
        },
        "disk_bytes": sum(file.stat().st_size for file in index.path.rglob("*") if file.is_file()),
        "interleaved_names": tuple(asdict(pair) for pair in index.interleaved),
        "failed_inputs": len(index.catalog.failures()),
        "versions": dict(snapshot.versions),
        "history": [
            {"number": event.number, "at": event.moment, "action": event.action, "detail": event.detail}
            for event in index.catalog.events()
        ],
    }


def provenance(index: Index) -> dict[str, Any]:
    """The snapshot, gindex version and taxonomy that an answer is based on."""
    snapshot = index.snapshot
    return {
        "snapshot": snapshot.number,
        "index_fingerprint": snapshot.fingerprint,
        "gindex_version": metadata.version("gindex"),
        "taxonomy_release": snapshot.taxonomy or None,
    }


def lines_of(facts: Mapping[str, Any]) -> Iterator[str]:
    """The description as lines of text."""
    yield (
        f"{facts['path']}: {counted(facts['genomes'])}, {facts['base_pairs'] / 1e6:,.1f} Mbp, "
        f"{facts['disk_bytes'] / 1e6:,.1f} MB on disk"
    )
    yield f"snapshot      {facts['snapshot']} of {facts['created']}, fingerprint {facts['fingerprint']}"
    yield f"kinds         {', '.join(f'{count:,} {kind}' for kind, count in facts['molecules'].items())}"
    names = {**facts["ranks"], **facts["labels"]}
    numbers = ", ".join(f"{count:,} {name}" for name, count in names.items())
    yield f"names         {numbers or 'none: no taxonomy was given'}"
    yield f"taxonomy      {facts['taxonomy_release'] or 'none, or from the genomes themselves'}"
    yield from _encoder_lines(facts)
    yield f"fitted on     {counted(facts['fitted'])}; {facts['changed_since_fit']:,} changed since"
    yield from _threshold_lines(facts["calibration"]["levels"])
    for pair in facts["interleaved_names"]:
        yield f"interleaved   {InterleavedNames(**pair).sentence}"
    if facts["failed_inputs"]:
        yield f"failed        {counted(facts['failed_inputs'], 'input')}; `gindex info --failures` lists them"
    for event in facts["history"]:
        yield f"{event['at']}  {event['action']}: {event['detail']}"


def _encoder_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"encoder       {facts['encoder']} ({facts['encoder_version']}), {facts['dim']} dimensions, "
        f"FAISS {facts['faiss']}"
    )
    if facts["reading"]:
        settings = ", ".join(f"{name} {value}" for name, value in facts["reading"].items())
        yield f"reads         {facts['model']}: {settings}"


def _threshold_lines(levels: Mapping[str, Any]) -> Iterator[str]:
    width = max((len(name) + 1 for name in levels), default=0)
    for name, level in levels.items():
        threshold = f"called from probability {level['threshold']:.2f} on"
        if level["threshold"] > 1:
            threshold = "never called: too few names to estimate errors"
        yield f"  {name:<{width}}{threshold} ({level['samples']:,} simulated queries)"


def listing(index: Index) -> Iterator[str]:
    """The genomes as TSV: id, length, contigs, molecule, names by rank, labels, input file."""
    entries = index.catalog.entries()
    labels = sorted({label for entry in entries for label in entry.taxon.labels})
    yield tsv.row(["genome_id", "length_bp", "contigs", "molecule", *RANKS, *labels, "input"])
    yield from tsv.rows(_cells(entry, labels) for entry in entries)


def _cells(entry: Entry, labels: list[str]) -> list[str]:
    names = [entry.lineage.name(rank) or "" for rank in RANKS]
    return [
        entry.id,
        str(entry.length_bp),
        str(entry.contigs),
        entry.molecule,
        *names,
        *(entry.taxon.labels.get(label, "") for label in labels),
        entry.source,
    ]
