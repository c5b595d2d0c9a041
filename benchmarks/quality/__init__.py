"""How well models predict on small tables: see ``benchmarks/quality.py``."""
