"""What a person sees of a crawl; reads statistics, never touches state."""
