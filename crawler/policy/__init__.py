"""What a crawl may do, as values: pure functions of plain data, no I/O, no clock."""
