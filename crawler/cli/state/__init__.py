"""What a state folder holds, on the command line: ``status``, ``explain``, ``list``, ``retry``, ``export``."""
