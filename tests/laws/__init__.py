"""The laws of the house. Each has an empty list of exceptions, and a proof that it can fail."""
