"""robots.txt: its file, its rules, and what they decide."""
