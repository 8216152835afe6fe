"""Measurements of the crawler, each with its command; they use the public API alone."""
