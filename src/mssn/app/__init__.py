"""The local app: a web server on this machine, for the page in `page/` and for scripts.

serve.py     listens, prints the address, ends
guard.py     who may ask: host, origin, token; what every answer says to the browser
routes.py    which address does what; replies.py, events.py: what answers look like; openapi.py describes them
uploads.py   a file comes in, within limits
asked.py     options of a query, checked as those of the command line
desk.py      jobs: their queue, their states, what they may take; ticket.py: one of them
work.py      what a job does, in threads
room.py      the private folder in which all of it lies
"""

from mssn.errors import MissingDependencyError

try:
    import starlette  # noqa: F401
    import uvicorn  # noqa: F401
except ImportError as error:
    raise MissingDependencyError(f"the app needs {error.name}; run: pip install 'mssn[app]'") from error
