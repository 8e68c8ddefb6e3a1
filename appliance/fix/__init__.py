"""A bridge to a liquidity provider that speaks FIX 4.4: `python -m appliance.fix --config FILE`.

wire, amounts, market and orders translate and need no FIX engine; session is the only module that imports
one (quickfix). docs/fix.md says how it is run.
"""
