"""The table of encoders: one file and one line here make a new one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from genome_index.encoders.protocol import Encoder as Encoder
from genome_index.errors import EncoderNotFound, SpecMismatch, UsageError, need_installed
from genome_index.spec import AS_THEY_COME, IndexSpec, Reading, no_chunk_pool


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
PROFILE = "profile"  # the trained projection of the spectrum that comes with the package, or one in a folder
TRANSFORMER = "transformer"  # any language model; which one is in the settings
ENCODERS: dict[str, Callable[[IndexSpec, Path], Encoder]] = {
    SPECTRUM: _spectrum,
    PROFILE: _profile,
    TRANSFORMER: _transformer,
}


def open_encoder(spec: IndexSpec, root: Path = Path()) -> Encoder:
    """The encoder that some settings ask for; `root` is the index's folder, where fitted pools lie.

    A language model is loaded when it first reads.
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
    return replace(spec, reading=_settled(spec.reading)) if spec.reading else spec


def _settled(reading: Reading) -> Reading:
    """With the precision that this machine takes for auto: vectors of the two differ, so it is kept."""
    from genome_index.encoders.language_model import precision_of

    return replace(reading, precision=precision_of(reading.precision))


def _kind_of(encoder: str, reading: Reading | None) -> IndexSpec:
    from genome_index.encoders.profile import is_profile

    if encoder == SPECTRUM:
        return IndexSpec(SPECTRUM, encoder_version="")
    if encoder == PROFILE or is_profile(Path(encoder)):
        model = "" if encoder == PROFILE else encoder
        return IndexSpec(PROFILE, model, encoder_version="", dim=AS_THEY_COME, whitening=0.0)
    folder = Path(encoder).expanduser()
    if not encoder or ("/" not in encoder and not folder.is_dir()):
        raise EncoderNotFound(encoder, [SPECTRUM, PROFILE])
    return IndexSpec(TRANSFORMER, whole_path(encoder), reading or Reading(), encoder_version="")


def whole_path(model: str) -> str:
    """A model's folder as it is found from anywhere; any other name is one of the hub's."""
    folder = Path(model).expanduser()
    return str(folder.resolve()) if folder.is_dir() else model


def encoder_of(spec: IndexSpec, where: str) -> Encoder:
    """The encoder that an index at `where` asks for, if it is here just as it was there.

    Raises
    ------
    EncoderNotFound, SpecMismatch
    """
    encoder = open_encoder(spec, Path(where))
    # A language model is looked at when it first reads: to pool what is kept, or to refit, nobody needs it.
    if spec.encoder != TRANSFORMER and encoder.version != spec.encoder_version:
        raise SpecMismatch(where, "encoder_version", spec.encoder_version, encoder.version)
    return encoder


def notes_of(spec: IndexSpec) -> tuple[str, ...]:
    """What the user should know of an encoder before it reads: licence, weights without a place."""
    return open_encoder(spec).notes()
