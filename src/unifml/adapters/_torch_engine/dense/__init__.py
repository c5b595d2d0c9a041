"""Chains of dense layers with a backward pass written by hand: one network, or K at once."""
