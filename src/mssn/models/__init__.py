"""Weights files that describe themselves, and the table of what ships."""
