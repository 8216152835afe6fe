"""Sinks: the outputs to which items are written."""
