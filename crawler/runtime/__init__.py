"""What the event loop and the process need, whatever they are used for."""
