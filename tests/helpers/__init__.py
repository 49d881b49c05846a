"""Helpers of the tests: real servers, their clients, and models of what both do."""
