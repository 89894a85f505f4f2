"""Pods as network namespaces, the programs that run in them, and a mesh around them, for tests and benchmarks."""
