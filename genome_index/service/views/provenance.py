"""What is served: the index, what it was built from and with, and what has happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import PurePath

from genome_index.index.index import Index
from genome_index.index.info import describe


@dataclass(frozen=True)
class Calibrated:
    """What a level was calibrated on, and from which probability on it is called."""

    samples: int  # simulated queries
    threshold: float  # 0 to 1; more is never: too few names to have been wrong about


@dataclass(frozen=True)
class Happened:
    """One change of the index."""

    number: int  # from 1
    at: str  # UTC, ISO 8601
    action: str
    detail: str


@dataclass(frozen=True)
class Provenance:
    """What every answer rests on. Of files and folders it has the names only, not where they lie."""

    name: str  # of the index's folder
    snapshot: int
    created: str  # the snapshot; UTC, ISO 8601
    fingerprint: str  # 12 hex digits: settings and all content
    gindex_version: str  # that serves; `versions` has the one that built
    genomes: int
    base_pairs: int
    molecules: Mapping[str, int]  # kind -> genomes
    taxonomy_release: str | None
    ranks: Mapping[str, int]  # rank -> names that a query can be called
    labels: Mapping[str, int]  # label -> the same
    encoder: str
    encoder_version: str
    model: str | None  # hub name of a language model, or name of its folder
    reading: Mapping[str, str | int] | None  # how it reads a genome
    dim: int  # of the vectors
    faiss: str  # factory string
    settings_fingerprint: str  # 12 hex digits: what makes vectors and sketches comparable
    keep_sequence: bool  # of large genomes too
    fitted: int  # genomes that projection and calibration were fitted on
    changed_since_fit: int  # genomes
    mixture: Mapping[
        str, float
    ]  # share of queries whose own genome, species or genus the index is taken to lack
    calibration: Mapping[str, Calibrated]  # by level
    inputs: int  # files that the genomes came from
    failed_inputs: int  # inputs that could not be used
    disk_bytes: int  # all kept snapshots
    versions: Mapping[str, str]  # of gindex and its libraries when the snapshot was made
    history: tuple[Happened, ...]


def provenance_of(index: Index) -> Provenance:
    """The same as `gindex info`, without a path."""
    found = describe(index)
    calibration = found.pop("calibration")
    history = (Happened(**{**event, "action": _nameless(event["action"])}) for event in found.pop("history"))
    found |= {
        "name": PurePath(found.pop("path")).name or index.path.resolve().name,
        "model": _model_name(found["model"]) or None,
        "gindex_version": metadata.version("gindex"),
        "mixture": calibration["mixture"],
        "calibration": {name: Calibrated(**level) for name, level in calibration["levels"].items()},
        "inputs": len({entry.source for entry in index.catalog.entries()}),
        "history": tuple(history),
    }
    return Provenance(**found)


def _nameless(action: str) -> str:
    """A change without its folders: `merge /data/a, /data/b` -> `merge a, b`."""
    verb, _, folders = action.partition(" ")
    return f"{verb} {', '.join(PurePath(one).name for one in folders.split(', '))}" if folders else verb


def _model_name(model: str) -> str:
    """A name on the hub (OWNER/NAME) as it is, of a folder the last part."""
    return PurePath(model).name if model.startswith(("/", ".", "~")) else model
