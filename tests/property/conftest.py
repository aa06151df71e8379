"""The same examples on every run, and no deadline: a busy machine is not a failure."""

from hypothesis import settings

settings.register_profile("goldenrule", deadline=None, derandomize=True, database=None)
settings.load_profile("goldenrule")
