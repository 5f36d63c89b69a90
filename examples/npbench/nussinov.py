import numpy as np


def inputs(random, n):
    return {"bases": random.integers(0, 4, n)}


def nussinov(bases):
    """The most pairs of bases in each stretch of an RNA strand, by dynamic programming (bases that sum to 3 pair)."""
    n = len(bases)
    table = np.zeros((n, n), dtype=np.int64)
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            pair = int(j > i + 1 and bases[i] + bases[j] == 3)
            best = max(table[i, j - 1], table[i + 1, j], table[i + 1, j - 1] + pair)
            if j > i + 1:
                best = max(best, np.max(table[i, i + 1:j] + table[i + 2:j + 1, j]))
            table[i, j] = best
    return table
