"""How far two clouds of windows are from each other: MMD, Frechet distance, and two tests.

MMD^2 is the unbiased estimate of Gretton et al. 2012 (J. Mach. Learn. Res. 13, 723), equation 3,

    mean over i != j of k(x_i, x_j) + mean over i != j of k(y_i, y_j) - 2 mean over i, j of k(x_i, y_j),

with a Gaussian kernel k(a, b) = exp(-|a - b|^2 / (2 s^2)), s the median distance of all points (their section
8). It is 0 on the mean where both clouds are of one distribution, and may be below 0. Its p is the share of
PERMUTATIONS of the labels that give as much, with the labels as they are among them (Phipson & Smyth 2010,
Stat. Appl. Genet. Mol. Biol. 9, 39).

The Frechet distance of two Gaussians, squared, is |m - n|^2 + tr(C + D - 2 (C D)^(1/2)) (Dowson & Landau
1982, J. Multivar. Anal. 12, 450). With few points it is above 0 for one distribution too, so that it is read
beside that of other natural windows.

The classifier test (Lopez-Paz & Oquab 2017, arXiv 1610.06545) fits a logistic regression on half of the
points and asks it about the other half: it is right as often as a coin where nothing differs. The interval
is Wilson's (1927).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError
from genome_index.lab.figures.windows import Cloud

PERMUTATIONS = 999
NORMAL_95 = 1.959964  # quantile of the normal distribution at 0.975
LEAST_POINTS = 20  # of a cloud
PENALTY = 1.0  # scikit-learn's C: its default

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CloudDistance:
    """What lies between two clouds."""

    mmd_squared: float  # unbiased, of square roots of 4-mer shares
    p: float  # that as much comes of one distribution
    frechet: float  # of 3-mer shares in percent
    accuracy: float  # of a classifier, share of windows it was not fitted on
    interval: tuple[float, float]  # of it, 95 %


def distance_between(cloud: Cloud, other: Cloud, seed: int = 0) -> CloudDistance:
    """The distances and tests of two clouds.

    Raises
    ------
    UsageError
        One has fewer than LEAST_POINTS windows.
    """
    if min(len(cloud.counts), len(other.counts)) < LEAST_POINTS:
        raise UsageError(
            f"{min(len(cloud.counts), len(other.counts))} windows of {cloud.name} and {other.name}: give "
            f"--windows {LEAST_POINTS} or more"
        )
    squared, p = mmd_test(cloud.roots, other.roots, seed)
    right, asked = classifier_test(cloud.roots, other.roots, seed)
    return CloudDistance(
        squared, p, frechet_distance(100 * cloud.shares_of_3, 100 * other.shares_of_3), right / asked,
        wilson_interval(right, asked),
    )  # fmt: skip


def mmd_test(points: Doubles, others: Doubles, seed: int = 0) -> tuple[float, float]:
    """The unbiased MMD^2 and its p: (N, D), (M, D)."""
    kernel = gaussian_kernel(np.concatenate([points, others]))
    np.fill_diagonal(kernel, 0)  # no pair is a point with itself
    draws, first = np.random.default_rng(seed), np.zeros(len(kernel))
    first[: len(points)] = 1
    labels = np.column_stack([first, *(draws.permutation(first) for _ in range(PERMUTATIONS))])
    values = _mmd_squared(kernel, labels, len(points), len(others))
    reach = values[0] - 1e-12  # equal values differ in their last bits
    return float(values[0]), float((values >= reach).mean())


def gaussian_kernel(points: Doubles) -> Doubles:
    """The kernel of all pairs, with their median distance: (N, D) -> (N, N)."""
    from scipy.spatial.distance import pdist, squareform

    distances = pdist(points)
    width = float(np.median(distances)) or 1.0
    return np.asarray(np.exp(-np.square(squareform(distances)) / (2 * width**2)))


def _mmd_squared(kernel: Doubles, labels: Doubles, size: int, other: int) -> Doubles:
    """MMD^2 for columns of labels, 1 for the first cloud: (P, P) with zeros as diagonal, (P, B) -> (B,)."""
    sums = kernel @ labels
    within = (labels * sums).sum(0)
    between = ((1 - labels) * sums).sum(0)
    beyond = kernel.sum() - within - 2 * between
    return np.asarray(
        within / (size * (size - 1)) + beyond / (other * (other - 1)) - 2 * between / (size * other)
    )


def frechet_distance(points: Doubles, others: Doubles) -> float:
    """Of the Gaussians with the moments of both clouds, in the unit of their coordinates: (N, D), (M, D)."""
    apart = points.mean(0) - others.mean(0)
    own, theirs = np.cov(points, rowvar=False), np.cov(others, rowvar=False)
    root = _square_root(own)
    # C D and its symmetric twin C^(1/2) D C^(1/2) have the same eigenvalues.
    shared = np.sqrt(np.linalg.eigvalsh(root @ theirs @ root).clip(min=0)).sum()
    return math.sqrt(max(0.0, float(apart @ apart + np.trace(own) + np.trace(theirs) - 2 * shared)))


def classifier_test(points: Doubles, others: Doubles, seed: int = 0) -> tuple[int, int]:
    """Right answers of a logistic regression about half of each cloud, and how many it was asked for."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    size = min(len(points), len(others))  # as many of each, so that a coin is right half of the time
    draws = np.random.default_rng(seed)
    both = [rows[draws.permutation(len(rows))[:size]] for rows in (points, others)]
    half = size // 2
    fitted, asked = (
        np.concatenate([rows[part] for rows in both]) for part in (slice(half), slice(half, size))
    )
    scaler = StandardScaler().fit(fitted)
    model = LogisticRegression(C=PENALTY, max_iter=2_000).fit(scaler.transform(fitted), _labels(len(fitted)))
    right = model.predict(scaler.transform(asked)) == _labels(len(asked))
    return int(right.sum()), len(asked)


def wilson_interval(right: int, asked: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    z, share = NORMAL_95, right / asked
    middle = share + z**2 / (2 * asked)
    half = z * math.sqrt(share * (1 - share) / asked + z**2 / (4 * asked**2))
    low, high = (edge / (1 + z**2 / asked) for edge in (middle - half, middle + half))
    return max(0.0, low), min(1.0, high)


def _labels(points: int) -> npt.NDArray[np.int64]:
    """0 for the first half of the points, 1 for the second."""
    return np.repeat([0, 1], points // 2)


def _square_root(matrix: Doubles) -> Doubles:
    """Of a symmetric matrix without negative eigenvalues but by rounding."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(values.clip(min=0))) @ vectors.T)
