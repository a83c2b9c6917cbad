"""`python -m mssn` is `mssn`."""

from mssn.cli import main

main()
