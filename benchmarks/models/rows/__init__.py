"""The models, a file each, to be read side by side. Each does the same work; see `benchmarks.models.child`."""
