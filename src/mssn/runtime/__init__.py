"""Everything that can run a network, behind one small protocol."""
