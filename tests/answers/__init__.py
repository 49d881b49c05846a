"""Answers, and the models that give them."""
