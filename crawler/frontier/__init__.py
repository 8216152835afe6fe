"""What is still to be fetched, and when which host may be asked."""
