"""Records that are stored and sent. All are frozen pydantic models."""
