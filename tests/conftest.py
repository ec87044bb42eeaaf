"""What holds for every test: nothing fails for being slow, because time is measured by benchmarks and not by tests.

Ray reads some of its variables when it is imported, which a test may do that never begins one: they are set before.
"""

from hypothesis import settings

from qt_ray.adapters.ray_variables import export

settings.register_profile("house", deadline=None)
settings.load_profile("house")

# Ray reads some of them when it is imported, which the first test module to be collected may do.
export(trades=True)
