import numpy as np


def inputs(random, nx, ny, nz):
    return {"salinity": random.uniform(0.01, 10, (nx, ny, nz)), "temperature": random.uniform(-12, 20, (nx, ny, nz)),
            "pressure": random.uniform(0, 1000, nz)}


# The specific volume of sea water is a quotient of polynomials (TEOS-10, 48 terms): for each power of the pressure,
# what stands before root ** i * temperature ** j, where root ** 2 is the salinity. Row i, column j.
BELOW = [
    [[9.998420897506056e2, 2.839940833161907, -3.147759265588511e-2, 1.181805545074306e-3],
     [],
     [-6.698001071123802, -2.986498947203215e-2, 2.327859407479162e-4],
     [-3.988822378968490e-2, 5.095422573880500e-4, -1.426984671633621e-5, 1.645039373682922e-7]],
    [[-2.233269627352527e-2, -3.436090079851880e-4, 3.726050720345733e-6],
     [],
     [-1.806789763745328e-4, 6.876837219536232e-7]],
    [[-3.087032500374211e-7, -1.988366587925593e-8, -1.061519070296458e-11],
     [],
     [1.550932729220080e-10]],
]
ABOVE = [
    [[1.0, 2.775927747785646e-3, -2.349607444135925e-5, 1.119513357486743e-6, 6.743689325042773e-10],
     [],
     [-7.521448093615448e-3, -2.764306979894411e-5, 1.262937315098546e-7, 9.527875081696435e-10,
      -1.811147201949891e-11],
     [-3.303308871386421e-5, 3.801564588876298e-7, -7.672876869259043e-9, -4.634182341116144e-11,
      2.681097235569143e-12],
     [5.419326551148740e-6]],
    [[-2.742185394906099e-5, -3.212746477974189e-7, 3.191413910561627e-9, -1.931012931541776e-12],
     [],
     [-1.105097577149576e-7, 6.211426728363857e-10]],
    [[-1.119011592875110e-10, -1.941660213148725e-11, -1.864826425365600e-14],
     [],
     [1.119522344879478e-14]],
    [[-1.200507748551599e-15, 6.057902487546866e-17]],
]


def polynomial(table, root, temperature):
    """The polynomial's value, and its derivative with respect to the temperature."""
    value = slope = 0.0
    for row in reversed(table):
        inner = inner_slope = 0.0
        for coefficient in reversed(row):
            inner_slope = inner_slope * temperature + inner
            inner = inner * temperature + coefficient
        value = value * root + inner
        slope = slope * root + inner_slope
    return value, slope


def equation_of_state(salinity, temperature, pressure):
    """How the dynamic enthalpy of sea water changes with its temperature.

    The enthalpy is 1e4 times the integral over the pressure p of the specific volume
    (a0 + a1 p + a2 p^2 + a3 p^3) / (b0 + 2 b1 p + b2 p^2), in closed form; `_t` marks a derivative."""
    root, p = np.sqrt(salinity), pressure
    (b0, b0_t), (b1, b1_t), (b2, b2_t) = (polynomial(table, root, temperature) for table in BELOW)
    b1, b1_t = 0.5 * b1, 0.5 * b1_t
    (a0, a0_t), (a1, a1_t), (a2, a2_t), (a3, a3_t) = (polynomial(table, root, temperature) for table in ABOVE)

    # The quotient is (line + a3 p) / b2 and a remainder (n + m p) over the denominator.
    ratio, ratio_t = a3 / b2, (a3_t - a3 / b2 * b2_t) / b2
    line, line_t = a2 - 2 * ratio * b1, a2_t - 2 * (ratio_t * b1 + ratio * b1_t)
    line, line_t = line / b2, (line_t - line / b2 * b2_t) / b2
    m, m_t = a1 - ratio * b0 - 2 * line * b1, a1_t - ratio_t * b0 - ratio * b0_t - 2 * (line_t * b1 + line * b1_t)
    n, n_t = a0 - line * b0, a0_t - line_t * b0 - line * b0_t

    # The remainder's integral: half m / b2 times one logarithm, and the rest times another.
    half, half_t = m / (2 * b2), (m_t - m / b2 * b2_t) / (2 * b2)
    s = np.sqrt(b1 ** 2 - b0 * b2)
    s_t = (2 * b1 * b1_t - b0_t * b2 - b0 * b2_t) / (2 * s)
    rest, rest_t = n - m * b1 / b2, n_t - (m_t * b1 + m * b1_t) / b2 + m * b1 / b2 ** 2 * b2_t
    rest, rest_t = rest / (2 * s), (rest_t - rest / s * s_t) / (2 * s)

    x, x_t = p * (2 * b1 + b2 * p) / b0, p * (2 * b1_t + b2_t * p) / b0
    x_t = x_t - x / b0 * b0_t
    low, low_t = b1 - s, b1_t - s_t
    high, high_t = b1 + s + b2 * p, b1_t + s_t + b2_t * p
    y = 2 * p * b2 * s / (low * high)
    y_t = 2 * p * (b2_t * s + b2 * s_t) / (low * high) - y * (low_t / low + high_t / high)

    return 1e4 * (p * (line_t + 0.5 * ratio_t * p) + half_t * np.log1p(x) + half * x_t / (1 + x)
                  + rest_t * np.log1p(y) + rest * y_t / (1 + y))
