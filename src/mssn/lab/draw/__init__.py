"""Random scenes, drawn natively at a small and at a large size: pairs whose truth is exact."""
