"""How long a test that draws at random looks for a fault: a few examples in `make test`, many in `make hunt`.

And fewer where each of a thousand mutants is to be told from what is right (`make mutants`).
"""

import os

from hypothesis import HealthCheck, settings

# So many times as many examples; `make hunt` says how many, and `make mutants` how small a part.
LONGER = float(os.environ.get("CHATBENCH_HUNT", "1"))


def examples(count: int, *, steps: int = 50) -> settings:
    """Return settings for so many examples in `make test`; ``steps`` is for state machines."""
    return settings(
        max_examples=max(1, round(count * LONGER)),
        stateful_step_count=steps,
        # Whole conversations are drawn, and take what they take.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
