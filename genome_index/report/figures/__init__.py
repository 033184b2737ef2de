"""Figures of genomes, species and collections, drawn by matplotlib as PNG and SVG."""
