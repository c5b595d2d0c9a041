"""What `benchmarks/training.py` runs: contenders, tables, and what is made of their times."""
