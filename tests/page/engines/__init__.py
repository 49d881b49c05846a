"""The page in three browser engines."""
