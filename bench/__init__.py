"""Benchmarks: Shipyard and comparable frameworks, the same workloads, on this machine."""
