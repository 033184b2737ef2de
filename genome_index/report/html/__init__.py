"""The report as one self-contained HTML page: plotly figures, tables, and what little script they need."""
