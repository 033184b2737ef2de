"""What each loss sees of a sequence: which positions its gradient weighs, and what its minimiser keeps.

The network is left out: the logits of each position are free numbers. Losses that read the sequence twice,
such as those of both strands, weigh positions as cross entropy does on each strand, and are not asked.

    gradient    its norm at each position while nothing is known (small random logits), as shares
    minimiser   the most probable bases after ROUNDS of Adam from random logits: right bases, divergence of
                3-mers, correlation of the GC skew in windows, and whether the nearest true fragment by 4-mers
                is its own
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from genome_index.io.atomic import disk_errors, write_file
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.losses.kmer_spectrum import K, shares, soft_counts, spectrum_divergence
from genome_index.lab.losses.reading import BASES, FIRST_BASE, Outputs, Reading, TokenBatch
from genome_index.lab.losses.table import loss_of
from genome_index.lab.markdown import markdown_table
from genome_index.lab.study.batches import StudyBatches
from genome_index.records import Progress, quiet

LOSSES = (
    "cross-entropy", "headless", "chaos-game", "spectrum:3", "persistence", "line-mse", "line-gaussian",
    "line-mse:gates", "line-mse:skew",
)  # fmt: skip
FRAGMENTS, LENGTH = 32, 256
ROUNDS, RATE = 300, 0.1
WINDOW = 32  # bases of a window of GC skew
SMALL = 0.01  # standard deviation of logits that know nothing
PARTS = 10  # of a sequence, in the table

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LossView:
    """What a loss sees."""

    loss: str
    emphasis: Floats  # (L,) share of the gradient's norm at each position, mean 1
    right_bases: float  # share
    spectrum_divergence: float  # Jensen-Shannon divergence of 3-mers, nats
    skew_correlation: float
    own_fragment: float  # share whose nearest true fragment is their own

    def row(self) -> list[str]:
        """Cells of the table."""
        size = len(self.emphasis) // PARTS
        first, last = self.emphasis[:size], self.emphasis[-size:]
        return [
            self.loss, f"{first.mean():.2f}", f"{last.mean():.2f}", f"{100 * self.right_bases:.1f}",
            f"{self.spectrum_divergence:.4f}", f"{self.skew_correlation:.2f}",
            f"{100 * self.own_fragment:.0f}",
        ]  # fmt: skip


def view_losses(
    corpus: Path, folder: Path, losses: Sequence[str] = LOSSES, fragments: int = FRAGMENTS,
    length: int = LENGTH, progress: Progress = quiet,
) -> str:  # fmt: skip
    """Write losses.md and losses.png of some losses on test fragments, and return the table.

    Raises
    ------
    UsageError, InputError
    """
    batch = StudyBatches(Shards.open(corpus), "test", "causal", length, fragments).at(0)
    views = []
    for number, loss in enumerate(losses, start=1):
        views.append(view_of(loss, batch))
        progress.stage("losses", number, len(losses))
    head = [
        "loss", "gradient, first tenth", "gradient, last tenth", "right bases, %", "divergence of 3-mers",
        "correlation of GC skew", "own fragment nearest, %",
    ]  # fmt: skip
    text = markdown_table(head, (view.row() for view in views))
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "losses.md", f"{text}\n".encode())
    _draw(views, folder / "losses.png")
    return text


def view_of(name: str, batch: TokenBatch) -> LossView:
    """One loss on fragments."""
    truth = one_hot(batch.ids)
    bases = minimiser(name, batch).argmax(-1)
    kept = nn.functional.one_hot(bases, BASES).float() * truth.sum(-1, keepdim=True)
    known = batch.ids >= FIRST_BASE
    right = (bases == batch.ids - FIRST_BASE)[known].float().mean()
    return LossView(
        name, emphasis(name, batch), float(right), float(spectrum_divergence(kept, truth, K)),
        skew_correlation(kept, truth), own_fragment(kept, truth),
    )  # fmt: skip


def emphasis(name: str, batch: TokenBatch) -> Floats:
    """The norm of the gradient of the logits at each position, mean of the fragments, mean 1: (L,)."""
    logits = (SMALL * _normal(batch)).requires_grad_()
    loss_of(name)(_free(logits, batch)).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    norms = logits.grad.norm(dim=-1).mean(0).double().numpy()
    return np.asarray(norms / norms.mean())


def minimiser(name: str, batch: TokenBatch) -> Tensor:
    """Logits of the bases after descending the loss from random ones: (B, L, 4)."""
    logits = _normal(batch).requires_grad_()
    optimiser, loss = torch.optim.Adam([logits], RATE), loss_of(name)
    for _ in range(ROUNDS):
        optimiser.zero_grad()
        loss(_free(logits, batch)).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return logits.detach()


def one_hot(ids: Tensor) -> Tensor:
    """Known bases: (B, L) -> (B, L, 4), zeros for others."""
    known = (ids >= FIRST_BASE)[..., None]
    return nn.functional.one_hot((ids - FIRST_BASE).clamp(min=0), BASES).float() * known


def skew_correlation(kept: Tensor, truth: Tensor) -> float:
    """Pearson's correlation of G - C in windows over all fragments; 0 where one does not vary."""
    skews = [_windows(bases[..., 2] - bases[..., 1]) for bases in (kept, truth)]
    if any(skew.std() == 0 for skew in skews):
        return 0.0
    return float(np.corrcoef(skews[0], skews[1])[0, 1])


def own_fragment(kept: Tensor, truth: Tensor) -> float:
    """The share of fragments whose nearest true one by 4-mers (cosine of shares) is their own."""
    centred = (shares(soft_counts(bases, 4)) - 1 / 4**4 for bases in (kept, truth))
    a, b = (nn.functional.normalize(rows, dim=1) for rows in centred)
    return float(((a @ b.T).argmax(1) == torch.arange(len(a))).float().mean())


def _windows(values: Tensor) -> Floats:
    whole = values.shape[1] // WINDOW * WINDOW
    sums = values[:, :whole].reshape(len(values), -1, WINDOW).sum(-1)
    return np.asarray(sums.flatten().numpy(), np.float64)


def _normal(batch: TokenBatch) -> Tensor:
    return torch.randn((*batch.ids.shape, BASES), generator=torch.Generator().manual_seed(0))


def _free(logits: Tensor, batch: TokenBatch) -> Reading:
    """A reading whose logits of the bases are those, and whose states are the logits too."""
    return Reading(batch, lambda _: _outputs(logits))


def _outputs(logits: Tensor) -> Outputs:
    """Special tokens have no probability; embeddings are unit vectors, so that scores are the logits."""
    special = torch.full((*logits.shape[:2], FIRST_BASE), -30.0)
    table = torch.cat([torch.zeros(FIRST_BASE, BASES), torch.eye(BASES)])
    return Outputs(torch.cat([special, logits], dim=-1), logits, table)


def _draw(views: Sequence[LossView], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained", facecolor="white")
    axes = figure.subplots()
    for view in views:
        axes.plot(_smooth(view.emphasis), label=view.loss, linewidth=1.2)
    axes.set(xlabel="position, bp", ylabel="norm of the gradient, mean 1")
    axes.legend(frameon=False, fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    with disk_errors(path):
        figure.savefig(path, dpi=150)


def _smooth(values: Floats, span: int = 9) -> Floats:
    return np.convolve(values, np.ones(span) / span, mode="valid")
