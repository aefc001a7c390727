"""The bench: Shipyard beside its peers, on the same work, on this machine."""
