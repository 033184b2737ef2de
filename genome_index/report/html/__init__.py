"""The report as one self-contained HTML page: figures as SVG and canvas, tables, and their scripts."""
