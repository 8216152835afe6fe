"""A changed parser over the pages that a crawl has kept: no network."""
