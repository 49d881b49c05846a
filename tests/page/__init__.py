"""Tests of the page in a real browser, and of its modules one by one."""
