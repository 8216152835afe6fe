"""Checks the shape of the package `crawler`: ``make lint`` runs ``python -m tests.structure``.

Layers, imports, sizes, basenames and words: what each rule allows is in `tests.structure.allowed`.
"""
