"""Table of encoders by name; a new encoder is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from genome_index.encoders.protocol import Encoder as Encoder
from genome_index.errors import EncoderNotFound, SpecMismatch, UsageError, need_installed
from genome_index.spec import NO_PROJECTION, IndexSpec, Reading, no_chunk_pool


def _spectrum(spec: IndexSpec, root: Path) -> Encoder:
    from genome_index.encoders.spectrum import Spectrum

    return Spectrum()


def _transformer(spec: IndexSpec, root: Path) -> Encoder:
    need_installed(f"--encoder {spec.model}", "torch", "transformers", extra="neural")
    from genome_index.encoders.language_model import Transformer

    return Transformer(spec.model, spec.reading or Reading(), spec.encoder_version, root)


def _profile(spec: IndexSpec, root: Path) -> Encoder:
    from genome_index.encoders.profile import RELEASED, Profile

    return Profile.load(Path(spec.model) if spec.model else RELEASED)


SPECTRUM = "spectrum"
PROFILE = "profile"  # a trained projection of the spectrum: the package's own, or one in a folder
TRANSFORMER = "transformer"  # any language model; the settings name it
ENCODERS: dict[str, Callable[[IndexSpec, Path], Encoder]] = {
    SPECTRUM: _spectrum,
    PROFILE: _profile,
    TRANSFORMER: _transformer,
}


def open_encoder(spec: IndexSpec, root: Path = Path()) -> Encoder:
    """The encoder of some settings; `root` is the index's folder, which holds its fitted pools.

    A language model is loaded when it first reads a genome.
    """
    if spec.encoder not in ENCODERS:
        raise EncoderNotFound(spec.encoder, [SPECTRUM, PROFILE])
    return ENCODERS[spec.encoder](spec, root)


def spec_for(
    encoder: str, faiss: str = "auto", keep_sequence: bool = False, reading: Reading | None = None
) -> IndexSpec:
    """The settings of a new index with this encoder: one of ENCODERS, or a language model's folder or name.

    Raises
    ------
    EncoderNotFound, ModelError, UsageError
    """
    if reading is not None and reading.pool_file is not None:
        raise no_chunk_pool(reading.chunks)
    spec = replace(_kind_of(encoder, reading), faiss=faiss, keep_sequence=keep_sequence)
    if spec.reading is None and reading is not None and reading != Reading():
        raise UsageError(f"--encoder {encoder} has no layers, tokens or windows: leave those options out")
    spec = replace(spec, encoder_version=open_encoder(spec).version)
    return replace(spec, reading=_decided(spec.reading, spec.model)) if spec.reading else spec


def token_spec(encoder: str, reading: Reading) -> IndexSpec:
    """The settings that decide tokens, without the digest of the weights, which takes long.

    Raises
    ------
    EncoderNotFound, ModelError, UsageError
    """
    spec = _kind_of(encoder, reading)
    return replace(spec, reading=_decided(spec.reading, spec.model)) if spec.reading else spec


def _decided(reading: Reading, model: str) -> Reading:
    """The reading with what is decided here and now, stored because vectors differ: precision and pieces."""
    from genome_index.encoders.checkpoint import find_model
    from genome_index.encoders.loaded_model import precision_of
    from genome_index.encoders.tokenizers.folder import new_piece_bp

    piece_bp = reading.piece_bp or new_piece_bp(find_model(model))
    return replace(reading, precision=precision_of(reading.precision), piece_bp=piece_bp)


def _kind_of(encoder: str, reading: Reading | None) -> IndexSpec:
    from genome_index.encoders.profile import is_profile

    if encoder == SPECTRUM:
        return IndexSpec(SPECTRUM, encoder_version="")
    if encoder == PROFILE or is_profile(Path(encoder)):
        model = "" if encoder == PROFILE else encoder
        return IndexSpec(PROFILE, model, encoder_version="", dim=NO_PROJECTION, whitening=0.0)
    folder = Path(encoder).expanduser()
    if not encoder or ("/" not in encoder and not folder.is_dir()):
        raise EncoderNotFound(encoder, [SPECTRUM, PROFILE])
    return IndexSpec(TRANSFORMER, whole_path(encoder), reading or Reading(), encoder_version="")


def whole_path(model: str) -> str:
    """The absolute path of a model's folder; any other name is one of the hub and unchanged."""
    folder = Path(model).expanduser()
    return str(folder.resolve()) if folder.is_dir() else model


def encoder_of(spec: IndexSpec, where: str) -> Encoder:
    """The encoder of an index at `where`; its version must be that of the index.

    Raises
    ------
    EncoderNotFound, SpecMismatch
    """
    encoder = open_encoder(spec, Path(where))
    # A language model's version is checked when it first reads: pooling stored rows and refit need no model.
    if spec.encoder != TRANSFORMER and encoder.version != spec.encoder_version:
        raise SpecMismatch(where, "encoder_version", spec.encoder_version, encoder.version)
    return encoder


def notes_of(spec: IndexSpec) -> tuple[str, ...]:
    """Notes for the user before the encoder reads: a licence, unused weights."""
    return open_encoder(spec).notes()
