"""What-if: who would get what of an order, and why; asked of the engine itself."""

from appliance.allocation.answer import Answer, Child, sentence_of
from appliance.allocation.problem import Problem, read_problem
from appliance.allocation.solve import solve

__all__ = ["Answer", "Child", "Problem", "read_problem", "sentence_of", "solve"]
