"""Settings of all property tests: no time limit per example, a busy machine says nothing of the code."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
