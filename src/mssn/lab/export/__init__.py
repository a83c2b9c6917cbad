"""From trained networks to files that other runtimes read."""
