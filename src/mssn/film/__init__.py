"""Films: read, enlarged frame by frame, and written with all that they hold besides."""
