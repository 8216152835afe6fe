"""From a page to items and links: the CPU stage and what runs in its processes."""
