"""HTTP semantics by RFC, pure: cookies, dates, cache control, freshness, redirects, fields."""
