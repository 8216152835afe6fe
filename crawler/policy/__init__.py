"""The options of a user: frozen values, and the rules and counts that follow from them; no I/O, no clock."""
