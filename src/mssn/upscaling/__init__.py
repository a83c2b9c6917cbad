"""Enlarging arrays and pictures with any runtime, in windows that join without a seam."""
