"""An example of a backend: networks of unifml on JAX."""

from jax_backend.adapter import JaxAdapter

adapter = JaxAdapter()  # what the entry point names
