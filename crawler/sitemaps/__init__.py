"""Sitemaps: what a site says that it consists of (https://www.sitemaps.org/protocol.html)."""

from crawler.sitemaps.requests import parse_sitemap, read_sitemap, sitemap

__all__ = ["parse_sitemap", "read_sitemap", "sitemap"]
