"""The processes of slimgest: workers, their devices, an embedded Redis, supervision. See `python -m workers --help`."""
