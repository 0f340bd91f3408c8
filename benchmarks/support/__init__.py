"""The parts that the benchmarks share: a running service, bare loops to compare it with, documents, rows, plots."""
