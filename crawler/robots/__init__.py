"""robots.txt: the file, its rules, and the decisions that follow from them."""
