"""A fetched page: its text, its elements, its links, its directives for robots."""
