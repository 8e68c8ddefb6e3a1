"""MAM appliance: allocates a master's trades over sub-accounts, exactly and provably."""

__version__ = "0.1.0"
