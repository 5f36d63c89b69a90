/* Reference values in 113 bits, by GCC's libquadmath: operands (doubles) in, results out as a rounded double and the rest,
   which is multiplied by 2^200 below 1e-270, where a double would not hold it. */
#include <quadmath.h>
#include <stdio.h>
#include <string.h>

#define ONE(name, expression) if (!strcmp(which, #name)) { for (long i = 0; i < count; i++) { __float128 x = a[i]; (void)x; __float128 r = expression; high[i] = r; low[i] = (r - (__float128)high[i]) * (fabsq(r) < 1e-270Q ? 0x1p200Q : 1); } return 0; }

int reference(const char *which, const double *a, const double *b, double *high, double *low, long count)
{
    ONE(exp, expq(x)) ONE(exp2, exp2q(x)) ONE(expm1, expm1q(x))
    ONE(log, logq(x)) ONE(log2, log2q(x)) ONE(log10, log10q(x)) ONE(log1p, log1pq(x))
    ONE(sin, sinq(x)) ONE(cos, cosq(x)) ONE(tan, tanq(x))
    ONE(asin, asinq(x)) ONE(acos, acosq(x)) ONE(atan, atanq(x)) ONE(atan2, atan2q(x, b[i]))
    ONE(sinh, sinhq(x)) ONE(cosh, coshq(x)) ONE(tanh, tanhq(x))
    ONE(asinh, asinhq(x)) ONE(acosh, acoshq(x)) ONE(atanh, atanhq(x))
    ONE(power, powq(x, b[i])) ONE(cbrt, cbrtq(x)) ONE(hypot, hypotq(x, b[i]))
    ONE(erf, erfq(x)) ONE(erfc, erfcq(x))
    return 1;
}
