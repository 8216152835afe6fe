"""The CPU stage, which parses pages into items and links, and the code that runs in its worker processes."""
