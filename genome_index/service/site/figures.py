"""Pictures of a query: where they lie, and the painting with its legend as markup."""

from __future__ import annotations

from markupsafe import Markup

from genome_index.report.figures.genome.windows import Painting
from genome_index.service.figures.windows_svg import painting_keys, painting_svg

ENTRY = Markup(
    '<li><svg viewBox="0 0 16 16" aria-hidden="true"><rect width="16" height="16" rx="3" fill="{}"/></svg>'
    "<span>{}, {}</span></li>"
)


def painting_markup(painted: Painting) -> Markup:
    entries = (ENTRY.format(key.fill, key.label, f"{key.share:.0%}") for key in painting_keys(painted))
    legend = Markup('<ul class="legend" aria-label="Colours of the painting">{}</ul>').format(
        Markup("").join(entries)
    )
    # The picture's own text is escaped where it is made.
    return Markup('<figure class="wide">{}</figure>{}').format(Markup(painting_svg(painted)), legend)


def portrait_of_query(job_id: str, number: int) -> tuple[str, str]:
    """Addresses of the portrait of an answer (0 is the first): light, dark."""
    path = f"/v1/queries/{job_id}/portraits/{number}.png?theme="
    return f"{path}light", f"{path}dark"
