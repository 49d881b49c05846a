"""Publishing: requests become events, or are refused with the path of the error."""
