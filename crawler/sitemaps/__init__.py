"""Sitemaps: a site's own lists of its URLs (https://www.sitemaps.org/protocol.html)."""

from crawler.sitemaps.requests import parse_sitemap, read_sitemap, sitemap

__all__ = ["parse_sitemap", "read_sitemap", "sitemap"]
