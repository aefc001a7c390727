"""The store in memory."""

from service.store.memory.store import MemoryStore

__all__ = ["MemoryStore"]
