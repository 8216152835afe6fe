"""Programs of at most sixty lines that show how the crawler is used; each is run by a test."""
