"""The values that options of `gindex lab` may take, as enums that help shows and the shell completes."""

from __future__ import annotations

from enum import StrEnum


class ProfileSize(StrEnum):
    """Sizes of a k-mer profile network."""

    TINY = "tiny"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class NetworkSize(StrEnum):
    """Sizes of a SLiM Performer."""

    TINY = "tiny"
    LITTLE = "little"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class PretrainingObjective(StrEnum):
    """What pretraining predicts: each token from those before it, or masked tokens."""

    NEXT = "next"
    MASKED = "masked"


class AttentionFeatures(StrEnum):
    """Feature maps of linear attention."""

    RELU = "relu"
    ELU = "elu+1"
    SQUARED = "squared"
    FAVOR = "favor+"


class FragmentPairs(StrEnum):
    """Pairs of contrastive training: overlapping the same locus, or two loci of one species."""

    HOMOLOGOUS = "homologous"
    APART = "apart"


class ScoredStrands(StrEnum):
    """Strands that `gindex lab score` reads."""

    BOTH = "both"
    FORWARD = "forward"


class PaperPart(StrEnum):
    """Measurements of `gindex lab reproduce`."""

    LENGTHS = "lengths"
    COPY = "copy"


class GeneChoice(StrEnum):
    """Sources of proteins of `gindex lab proteins`."""

    SIX_FRAMES = "six-frames"
    PYRODIGAL = "pyrodigal"
    MODEL = "model"


class AnswerFormat(StrEnum):
    """Formats of `gindex lab proteins`."""

    TABLE = "table"
    TSV = "tsv"
    JSONL = "jsonl"


class StudyDevice(StrEnum):
    """Devices of `gindex lab study run`."""

    CPU = "cpu"
    CUDA = "cuda"


class StudyTracker(StrEnum):
    """Trackers of `gindex lab study run`."""

    NONE = "none"
    TENSORBOARD = "tensorboard"


class ReadingDirection(StrEnum):
    """Directions that networks of a study read in."""

    CAUSAL = "causal"
    MASKED = "masked"


class StudyFigure(StrEnum):
    """Figures of `gindex lab study figures`."""

    OVERLAY = "overlay"
    CONVERGENCE = "convergence"
    MAP = "map"
