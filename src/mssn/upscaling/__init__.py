"""Enlarging arrays and pictures with any runtime, in tiles that join without a seam."""
