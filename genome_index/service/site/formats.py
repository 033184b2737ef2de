"""How the page writes values and verdicts: the filters of its templates, and sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import quote, urlencode

from markupsafe import Markup, escape

from genome_index.index.calibration.hits import KMER_FLOOR
from genome_index.records import counted

NOTHING = "–"
SPANS = ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"), (1.0, "second"))
SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
VERDICTS = {
    "qc_fail": "not fit to be called",
    "failed": "could not be read",
    "out_of_scope": "out of scope",
}


def count(number: int) -> str:
    return f"{number:,}"


def fixed(value: float | None, places: int) -> str:
    """A number for a table; a dash where there is none.

    >>> fixed(99.5, 2), fixed(None, 2)
    ('99.50', '–')
    """
    return NOTHING if value is None else f"{value:,.{places}f}"


def percent(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1f} %"


def words(shared: float) -> str:
    """Identity by shared words, 0 to 1, in percent; none where no word is shared."""
    return fixed(100 * shared if shared > KMER_FLOOR else None, 1)


def size(bytes_: int) -> str:
    """Bytes for a reader.

    >>> size(17_012), size(100_000_000), size(12)
    ('17 kB', '100 MB', '12 bytes')
    """
    return next((f"{bytes_ / by:.3g} {unit}" for by, unit in SIZES if bytes_ >= by), f"{bytes_} bytes")


def span(seconds: float) -> str:
    """A time for a reader, in its largest whole unit.

    >>> span(604_800), span(90), span(3_600)
    ('7 days', '90 seconds', '1 hour')
    """
    by, unit = next((each for each in SPANS if seconds >= each[0] and seconds % each[0] == 0), SPANS[-1])
    return counted(round(seconds / by), unit)


def moment(text: str) -> Markup:
    """A moment as the API writes it, for a reader, who may be anywhere: in UTC."""
    when = datetime.fromisoformat(text)
    return Markup('<time datetime="{}">{}</time>').format(text, f"{when:%-d %B %Y, %H:%M} UTC")


def quoted(name: str) -> str:
    """A name as one part of a path.

    >>> quoted("A/b c?")
    'A%2Fb%20c%3F'
    """
    return quote(name, safe="")


def rank_link(name: str, rank: str) -> str:
    """Where the page lists the genomes of a name."""
    return "/genomes?" + urlencode({"rank": rank, "name": name})


def sentence(clause: str) -> str:
    """A clause as the API says it, as a sentence.

    >>> sentence("no query has this id; ask again")
    'No query has this id; ask again.'
    """
    return clause[:1].upper() + clause[1:] + ("" if clause.endswith((".", "?")) else ".")


def prose(text: str) -> Markup:
    """What stands between backticks is code; the rest is escaped.

    >>> prose("run `gindex check` <now>")
    Markup('run <code>gindex check</code> &lt;now&gt;')
    """
    parts = text.split("`")
    code = Markup("<code>{}</code>")
    shown = [code.format(part) if at % 2 else escape(part) for at, part in enumerate(parts)]
    return Markup("").join(shown)


def called_from(threshold: float) -> str:
    """From which probability on a level is called; above 1 it never is."""
    return fixed(threshold, 2) if threshold <= 1 else "never"


def word(verdict: str) -> str:
    return VERDICTS.get(verdict, verdict)


FILTERS: Mapping[str, Callable[..., str]] = {
    "count": count, "counted": counted, "fixed": fixed, "percent": percent, "words": words, "size": size,
    "span": span, "moment": moment, "quoted": quoted, "rank_link": rank_link, "called_from": called_from,
    "prose": prose, "sentence": sentence, "word": word,
}  # fmt: skip
