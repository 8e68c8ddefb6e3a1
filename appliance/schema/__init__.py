"""The messages: the generator (parse, check, emit_*, backcheck), what it made (messages) and the JSON codec
(codec).

Import the module that you need; the generator runs on the standard library alone, before anything is
compiled.
"""
