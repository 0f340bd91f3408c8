"""How slimgest's processes live: embedded Redis, devices, worker processes, supervision. `python -m workers --help`."""
