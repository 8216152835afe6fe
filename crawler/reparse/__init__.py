"""A changed parser over the pages that a crawl has saved: no network."""
