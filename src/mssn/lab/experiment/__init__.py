"""Experiments: recipes that differ in one thing (arms), each trained from several seeds, scored and compared.

An arm is finished when its result file is there; it is then never trained again. One that was stopped, or
killed, goes on from its checkpoint.
"""
