"""Boosted trees of other libraries, read from what these write of their models."""
