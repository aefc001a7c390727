"""Persistence: the contract of a store, and three back ends."""
