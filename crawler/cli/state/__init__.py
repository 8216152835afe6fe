"""The commands for state folders: ``status``, ``explain``, ``list``, ``retry`` and ``export``."""
