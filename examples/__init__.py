"""Example programs of at most sixty lines; each is run by a test."""
