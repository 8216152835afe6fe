"""Parts for the event loop and the process that know nothing of crawling."""
