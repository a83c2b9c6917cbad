"""Kernels of our own for the MSSN family, in C, and how they are called."""
