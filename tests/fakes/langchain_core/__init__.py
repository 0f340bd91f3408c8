"""A part of langchain-core 1: what a document loader uses."""
