"""The embedded broker: an account server and liquidity providers, in processes of their own.

They use only what a vendor has: the rings of native/include/mam, attached by name. `mam demo` and the process
tests run against them.
"""
