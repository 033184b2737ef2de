"""Formats of numbers, times, names and verdicts on the page: the filters of the templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import quote, urlencode

from markupsafe import Markup, escape

from genome_index.index.calibration.hits import KMER_FLOOR
from genome_index.records import counted
from genome_index.report.verdicts import VERDICTS

NOTHING = "–"
SPANS = ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"), (1.0, "second"))
SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def count(number: int) -> str:
    return f"{number:,}"


def fixed(value: float | None, places: int) -> str:
    """A number for a table; a dash if there is none.

    >>> fixed(99.5, 2), fixed(None, 2)
    ('99.50', '–')
    """
    return NOTHING if value is None else f"{value:,.{places}f}"


def percent(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1f} %"


def kmer_percent(identity: float) -> str:
    """A k-mer identity of 0 to 1 in percent; a dash if no k-mer is shared."""
    return fixed(100 * identity if identity > KMER_FLOOR else None, 1)


def size(bytes_: int) -> str:
    """A number of bytes with its unit.

    >>> size(17_012), size(100_000_000), size(12)
    ('17 kB', '100 MB', '12 bytes')
    """
    return next((f"{bytes_ / by:.3g} {unit}" for by, unit in SIZES if bytes_ >= by), f"{bytes_} bytes")


def span(seconds: float) -> str:
    """A duration in its largest unit that gives a whole number.

    >>> span(604_800), span(90), span(3_600)
    ('7 days', '90 seconds', '1 hour')
    """
    units = (span for span in SPANS if seconds >= span[0] and seconds % span[0] == 0)
    by, unit = next(units, SPANS[-1])
    return counted(round(seconds / by), unit)


def moment(text: str) -> Markup:
    """A time of the API (ISO 8601) as text, in UTC."""
    when = datetime.fromisoformat(text)
    return Markup('<time datetime="{}">{}</time>').format(text, f"{when:%-d %B %Y, %H:%M} UTC")


def quoted(name: str) -> str:
    """A name as one segment of a path.

    >>> quoted("A/b c?")
    'A%2Fb%20c%3F'
    """
    return quote(name, safe="")


def rank_link(name: str, rank: str) -> str:
    """The address of the list of genomes with a name at a rank."""
    return "/genomes?" + urlencode({"rank": rank, "name": name})


def sentence(clause: str) -> str:
    """A clause of the API as a sentence.

    >>> sentence("no query has this id; ask again")
    'No query has this id; ask again.'
    """
    return clause[:1].upper() + clause[1:] + ("" if clause.endswith((".", "?")) else ".")


def prose(text: str) -> Markup:
    """Markup of a text, with code between backticks; everything is escaped.

    >>> prose("run `gindex check` <now>")
    Markup('run <code>gindex check</code> &lt;now&gt;')
    """
    parts = text.split("`")
    code = Markup("<code>{}</code>")
    shown = [code.format(part) if at % 2 else escape(part) for at, part in enumerate(parts)]
    return Markup("").join(shown)


def called_from(threshold: float) -> str:
    """The least probability of a call at a level; above 1 there is never one."""
    return fixed(threshold, 2) if threshold <= 1 else "never"


def verdict_name(verdict: str) -> str:
    """A verdict as the page writes it."""
    return VERDICTS[verdict].heading.lower() or verdict


FILTERS: Mapping[str, Callable[..., str]] = {
    "count": count, "counted": counted, "fixed": fixed, "percent": percent, "kmer_percent": kmer_percent,
    "size": size, "span": span, "moment": moment, "quoted": quoted, "rank_link": rank_link,
    "called_from": called_from, "prose": prose, "sentence": sentence, "verdict_name": verdict_name,
}  # fmt: skip
