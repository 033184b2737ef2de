"""What is called, and what of it is right: leave-one-out, species held out, folds; bacteria, mito, virus and the others.

python tests/bench/honesty.py [SET ...]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from common import built, evaluated, machine

SETS = ("bacteria", "mito", "virus", "plasmid", "dengue", "mito_newvert")


def show(title: str, found: dict) -> None:
    print(f"\n{title}: {found['genomes']:,} queried, verdicts {found['verdicts']}")
    for rank, row in found["ranks"].items():
        if rank not in ("species", "genus", "family", "subtype"):
            continue
        called = row["called"] / max(1, row["named"])
        print(
            f"  {rank:<9} n {row['n']:>5}  accuracy {text(row['accuracy'])} {ends(row['accuracy_interval'])}  nearest {text(row['nearest_vector_accuracy'])}"
            f"  called {row['called']:>5} ({called:.3f} of all)  coverage {text(row['coverage'])}  right {text(row['correct_when_called'])} {ends(row['correct_interval'])}"
            f"  without reference {row['called_without_reference']}"
        )
        curve = [point for point in row["risk_coverage"] if point["coverage"] in (0.25, 0.5, 0.75, 1.0)]
        print(
            "            risk at coverage "
            + ", ".join(f"{point['coverage']:.2f}: {point['risk']:.3f}" for point in curve)
        )
    sure = found["confident_calls"]
    print(
        f"  stated with 0.95 or more: {sure['n']}, right {sure['right']} {ends(sure['interval'])}; share of the right calls {text(sure['share_of_right_calls'])}"
    )


def text(value: float | None) -> str:
    return "  -  " if value is None else f"{value:.3f}"


def ends(interval: list[float] | None) -> str:
    return "" if interval is None else f"({interval[0]:.3f}-{interval[1]:.3f})"


def main() -> None:
    print(machine())
    for name in sys.argv[1:] or SETS:
        with tempfile.TemporaryDirectory() as made:
            index = built(Path(made) / "index", name)
            show(f"{name}, one genome out", evaluated(index))
            if name in ("bacteria", "mito"):
                show(f"{name}, its species out", evaluated(index, "--hold-out-rank", "species"))
                show(f"{name}, its genus out", evaluated(index, "--hold-out-rank", "genus"))
            show(f"{name}, 4 folds", evaluated(index, "--folds", "4"))


if __name__ == "__main__":
    main()
