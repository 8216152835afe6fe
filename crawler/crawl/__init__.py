"""One crawl, from its seeds to the last item: see `crawler.crawl.engine`."""
