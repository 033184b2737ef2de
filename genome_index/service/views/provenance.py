"""Provenance of the served index: its settings, the software that built it, and its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import PurePath

from genome_index.index.index import Index
from genome_index.index.info import describe
from genome_index.records import InterleavedNames


@dataclass(frozen=True)
class LevelCalibration:
    """The calibration of a rank or label."""

    samples: int  # simulated queries
    threshold: float  # least probability of a call, 0 to 1; above 1 there is never one: too few names


@dataclass(frozen=True)
class HistoryEntry:
    """One change of the index."""

    number: int  # from 1
    at: str  # UTC, ISO 8601
    action: str
    detail: str


@dataclass(frozen=True)
class Provenance:
    """The index behind every answer. Files and folders have names only, no paths."""

    name: str  # of the folder of the index
    snapshot: int
    created: str  # time of the snapshot; UTC, ISO 8601
    fingerprint: str  # 12 hex digits: settings and all content
    gindex_version: str  # of the service; `versions` has the version that built the index
    genomes: int
    base_pairs: int
    molecules: Mapping[str, int]  # kind -> genomes
    taxonomy_release: str | None
    ranks: Mapping[str, int]  # rank -> names that a query can be called
    labels: Mapping[str, int]  # label -> names that a query can be called
    encoder: str
    encoder_version: str
    model: str | None  # hub name of a language model, or name of its folder
    reading: Mapping[str, str | int] | None  # how the language model reads a genome
    dim: int  # of the vectors
    faiss: str  # factory string
    settings_fingerprint: str  # 12 hex digits: what makes vectors and sketches comparable
    keep_sequence: bool  # whether the sequences of large genomes are stored too
    fitted: int  # genomes that projection and calibration were fitted on
    changed_since_fit: int  # genomes
    # Assumed share of queries whose own genome, species or genus is missing in the index.
    mixture: Mapping[str, float]
    calibration: Mapping[str, LevelCalibration]  # by rank or label
    interleaved_names: tuple[InterleavedNames, ...]  # pairs of names that may be two of one taxon
    inputs: int  # source files of the genomes
    failed_inputs: int  # inputs that could not be used
    disk_bytes: int  # of all stored snapshots
    versions: Mapping[str, str]  # of gindex and its libraries that made the snapshot
    history: tuple[HistoryEntry, ...]


def provenance_of(index: Index) -> Provenance:
    """The contents of `gindex info`, without paths."""
    info = describe(index)
    calibration = info.pop("calibration")
    history = (
        HistoryEntry(**{**event, "action": _without_paths(event["action"])}) for event in info.pop("history")
    )
    info |= {
        "name": PurePath(info.pop("path")).name or index.path.resolve().name,
        "model": _model_name(info["model"]) or None,
        "gindex_version": metadata.version("gindex"),
        "mixture": calibration["mixture"],
        "calibration": {name: LevelCalibration(**level) for name, level in calibration["levels"].items()},
        "interleaved_names": index.interleaved,
        "inputs": len({entry.source for entry in index.catalog.entries()}),
        "history": tuple(history),
    }
    return Provenance(**info)


def _without_paths(action: str) -> str:
    """A change with the names of folders instead of their paths: `merge /data/a, /data/b` -> `merge a, b`."""
    verb, _, folders = action.partition(" ")
    return f"{verb} {', '.join(PurePath(one).name for one in folders.split(', '))}" if folders else verb


def _model_name(model: str) -> str:
    """The last part of a folder; a name on the hub (OWNER/NAME) unchanged."""
    return PurePath(model).name if model.startswith(("/", ".", "~")) else model
