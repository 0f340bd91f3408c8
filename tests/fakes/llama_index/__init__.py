"""A part of llama-index-core 0.14: what a reader uses."""
