"""`mam demo`: the whole stack in one go, against the embedded broker and LPs."""

from appliance.demo.play import Demo, DemoFailed, Options
from appliance.demo.report import Result, screen

__all__ = ["Demo", "DemoFailed", "Options", "Result", "screen"]
