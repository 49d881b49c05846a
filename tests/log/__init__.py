"""What is remembered: events, the log, the views of it, the history."""
