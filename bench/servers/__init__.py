"""The servers that are compared: one small file each, as their documents tell it."""
