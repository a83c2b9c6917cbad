"""How well pictures are enlarged: metrics, and the protocol that benchmarks are scored by."""
