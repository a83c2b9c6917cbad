"""More pictures than one machine can take: from one store to another, on the machines of a Ray cluster.

`store.py` lists, reads and writes what is stored, wherever; `ledger.py` remembers in the output store what
earlier runs planned and what became of it; `todo.py` decides what is to be made; `crew.py` has it made by
workers on all nodes, `worker.py` is one of them.
"""
