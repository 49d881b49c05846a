"""Answers: a question about the board is answered in pieces, as a stream of its own."""
