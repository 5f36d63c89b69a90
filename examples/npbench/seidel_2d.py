import numpy as np


def inputs(random, steps, n):
    return {"steps": steps, "a": random.random((n, n))}


def seidel_2d(steps, a):
    """Means of nine neighbours on a grid, each of which sees the means before it (Gauss-Seidel)."""
    a = a.copy()
    for _ in range(steps):
        for i in range(1, a.shape[0] - 1):
            known = (a[i - 1, :-2] + a[i - 1, 1:-1] + a[i - 1, 2:] + a[i, 1:-1] + a[i, 2:]
                     + a[i + 1, :-2] + a[i + 1, 1:-1] + a[i + 1, 2:])
            for j in range(1, a.shape[1] - 1):
                a[i, j] = (known[j - 1] + a[i, j - 1]) / 9
    return a
