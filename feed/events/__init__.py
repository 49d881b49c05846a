"""What an event is: its id, its key, its shape, and the server's own control events."""
