"""What each reader is sent: its events, their bytes, and what sending them costs."""
