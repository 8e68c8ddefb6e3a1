"""What can go wrong with shared memory: one family, each message one line for people."""


class MemoryLayoutError(Exception):
    """A region, ring, directory or counter is missing, has the wrong shape, or is corrupt."""


class InstanceError(MemoryLayoutError):
    """An instance cannot be created, found or attached to."""
