"""From a request to a page: the only room that imports aiohttp's client."""
