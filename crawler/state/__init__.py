"""The record of a crawl on the disk, from which it goes on after any kind of end."""
