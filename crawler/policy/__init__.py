"""What a user sets: frozen option values, and the rules and counts that follow from them, without I/O or clock."""
