"""What holds for every test: nothing fails for being slow, because time is measured by benchmarks and not by tests."""

from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")
