"""What the tests stand on: real servers, clients of them, and what both should do."""
