"""Checks before and after the decision: the input, random sequence, foreign contigs, suspect references."""

from __future__ import annotations

from collections.abc import Iterator

from genome_index.classify.classified import Basis
from genome_index.classify.explanation.records import FAILED, NOT_LOOKED_AT, PASSED, WARNING, Check
from genome_index.classify.explanation.rules import shares_no_kmer
from genome_index.classify.parts.contamination import SAID_UNEXPLAINED, WHOLE_KINDS
from genome_index.classify.reasons import sentence
from genome_index.classify.reference_warnings import NO_CALLS
from genome_index.index.audit.large_contigs import WARN_SHARE
from genome_index.io.quality import LEAST_BP, MOST_AMBIGUOUS
from genome_index.records import Call

NO_FOREIGN_PARTS = f"Less than {100 * WARN_SHARE:g} % of the sequence is nearest to another species"
ALL_EXPLAINED = f"less than {100 * SAID_UNEXPLAINED:g} % is in no reference"
NO_SUSPECTS = "The index does not list the references that the call rests on as suspect."
PLASMID = "Not looked at: plasmids are made of parts of others."


def accepted(call: Call) -> Check:
    """The check of an input that was classified."""
    text = (
        f"{call.length_bp:,} bp (at least {LEAST_BP} are required), no more than {100 * MOST_AMBIGUOUS:g} % "
        "of them ambiguous."
    )
    return Check("input", PASSED, text)


def refused(call: Call) -> Check:
    """The check of an input that was not classified."""
    return Check("input", FAILED, sentence(call.reason), call.verdict)


def later_checks(basis: Basis, kind: str) -> Iterator[Check]:
    """The checks after the decision, in order; `kind` is the molecule of the closest reference, or empty."""
    if basis.decided.verdict != "out_of_scope":
        yield _random_sequence(basis)
    if basis.verdict.verdict != "out_of_scope":
        yield _length(basis)
    before: Call | None = None
    for stage, call in basis.stages:
        yield from _stage(stage, before, call, kind)
        before = call


def _random_sequence(basis: Basis) -> Check:
    if basis.verdict.verdict == "out_of_scope":
        return Check("random sequence", FAILED, basis.verdict.reason, "out_of_scope")
    if not shares_no_kmer(basis.hits, basis.query):
        return Check("random sequence", PASSED, "Not compared with random sequence: k-mers are shared.")
    text = "No k-mer is shared, but the nearest is nearer than random sequence of this length and GC content."
    return Check("random sequence", PASSED, text)


def _length(basis: Basis) -> Check:
    if basis.verdict != basis.decided:
        return Check("length", FAILED, basis.verdict.reason, basis.verdict.verdict)
    return Check("length", PASSED, "Long enough for a genome, beside the closest reference.")


def _stage(stage: str, before: Call | None, call: Call, kind: str) -> Iterator[Check]:
    """What one stage changed: the verdict, or new warnings; else what it found, if there is a call."""
    if before is not None and before.verdict != call.verdict:
        yield Check(stage, FAILED, call.reason, call.verdict)
        return
    new = call.warnings[len(before.warnings) if before else 0 :]
    for warning in new:
        yield Check(stage, WARNING, sentence(warning))
    if new or call.verdict in NO_CALLS:
        return
    if stage == "parts":
        yield _parts(call, kind)
    if stage == "references":
        yield Check(stage, PASSED, NO_SUSPECTS)


def _parts(call: Call, kind: str) -> Check:
    """What was looked for in the parts of the sequence, and not found."""
    if kind not in WHOLE_KINDS:
        return Check("parts", NOT_LOOKED_AT, PLASMID)
    if call.unexplained is None:  # of a piece, or beside a far reference
        return Check("parts", PASSED, sentence(NO_FOREIGN_PARTS))
    return Check("parts", PASSED, sentence(f"{NO_FOREIGN_PARTS}, and {ALL_EXPLAINED}"))
