"""Shipyard's front door: all that a plugin may import, and nothing else."""
