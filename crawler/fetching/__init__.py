"""Fetching: one request in, one page out. Only this folder imports aiohttp's client."""
