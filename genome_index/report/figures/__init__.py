"""Pictures of a genome and of a species, as PNG and SVG: numbers first, drawn by matplotlib afterwards."""
