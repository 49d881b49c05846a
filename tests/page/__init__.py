"""The page in a real browser, and its modules one by one."""
