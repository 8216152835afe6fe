"""The display of a crawl for people: progress, logs and reports. It reads statistics, and never changes a crawl."""
