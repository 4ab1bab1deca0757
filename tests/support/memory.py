"""How much memory a piece of code needs at its worst moment."""

from collections.abc import Callable

import torch


def peak_of(run: Callable[[], object]) -> int:
    """Most bytes that torch had allocated on the CPU at a time while `run()` ran, beyond what was there before."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        run()
    now = most = 0
    for event in sorted(profile.profiler.kineto_results.events(), key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            now += event.nbytes()
            most = max(most, now)
    return most
