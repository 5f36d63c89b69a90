import numpy as np


def inputs(random, n, npt):
    return {"data": random.random(n), "radius": random.random(n), "npt": npt}


def azimint_hist(data, radius, npt):
    """The mean of the data in each of npt equal bins of the radius: one histogram divided by another."""
    counts, _ = np.histogram(radius, bins=npt)
    sums, _ = np.histogram(radius, bins=npt, weights=data)
    return sums / counts
