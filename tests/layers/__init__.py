"""The vocabulary of layers: its shapes, and every backend against a plain NumPy reference."""
