import numpy as np


def inputs(random, n, m, stored):
    """About `stored` elements, at random places; some rows have none."""
    rows = np.sort(random.integers(0, n, stored))
    return {"starts": np.searchsorted(rows, np.arange(n + 1)), "columns": random.integers(0, m, stored),
            "values": random.random(stored), "x": random.random(m)}


def spmv(starts, columns, values, x):
    """A sparse matrix (compressed rows) times a vector."""
    n = len(starts) - 1
    row = np.repeat(np.arange(n), np.diff(starts))
    return np.bincount(row, weights=values * x[columns], minlength=n)
