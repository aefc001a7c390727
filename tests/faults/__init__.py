"""Faults, as programs: what is killed, cut off or full, and what must be there afterwards."""
