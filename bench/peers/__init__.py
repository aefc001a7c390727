"""Comparable servers, one short file each, written as the documentation of each framework shows."""
