"""Explanations as text for people: the verdict and its reason, then a section for each step on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from gindex_cli.columns import Column, table_lines
from gindex_cli.table import answer_line

from genome_index.report.verdicts import VERDICTS, verdict_name

if TYPE_CHECKING:
    from genome_index.classify.explanation.records import Explanation
    from genome_index.report.explanation.sections import Section


NARROW = "\N{NARROW NO-BREAK SPACE}"


def render(explanations: Iterable[Explanation], terminal: bool = False) -> Iterator[str]:
    """The text of each explanation, two empty lines between them; `terminal` draws tables for one."""
    for number, explanation in enumerate(explanations):
        yield ("\n\n" if number else "") + "\n".join(_block(explanation, terminal)) + "\n"


def _block(explanation: Explanation, terminal: bool) -> Iterator[str]:
    from genome_index.report.explanation.sections import sections  # here, because it brings numpy

    call = explanation.call
    yield answer_line(call)
    yield f"  {call.reason}"
    for warning in call.warnings:
        yield f"  warning: {warning}"
    yield f"  {verdict_name(call.verdict)} means: {VERDICTS[call.verdict].meaning}."
    for section in sections(explanation):
        yield from _section(section, terminal)


def _section(section: Section, terminal: bool) -> Iterator[str]:
    yield f"\n{section.title}"
    if section.about:
        yield from folded(section.about)
    columns = [Column(heading.title, heading.number) for heading in section.columns]
    yield from table_lines(columns, section.rows, terminal, indent=2)


def folded(text: str) -> list[str]:
    """A paragraph in lines of at most 100 characters, indented by two."""
    from textwrap import wrap

    joined = text.replace(" %", f"{NARROW}%")  # a number and its sign stay on one line
    lines = wrap(joined, 100, initial_indent="  ", subsequent_indent="  ", break_long_words=False)
    return [line.replace(NARROW, " ") for line in lines]
