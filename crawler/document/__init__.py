"""What a page says: its text, its elements, its links, its directives."""
