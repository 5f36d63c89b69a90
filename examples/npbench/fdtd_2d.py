import numpy as np


def inputs(random, steps, nx, ny):
    fields = {name: random.random((nx, ny)) for name in ("ex", "ey", "hz")}
    return fields | {"drive": random.random(steps)}


def fdtd_2d(ex, ey, hz, drive):
    """Electric and magnetic fields on staggered grids, a step of time for each value that drives the edge."""
    ex, ey, hz = ex.copy(), ey.copy(), hz.copy()
    for value in drive:
        ey[0] = value
        ey[1:] -= 0.5 * (hz[1:] - hz[:-1])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])
    return ex, ey, hz
