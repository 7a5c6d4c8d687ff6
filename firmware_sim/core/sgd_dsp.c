#include "core.h"
#include "shift.h"
#include "simd.h"

#ifdef ODL_SIMD

/* The first 4 * (n / 4) weights of a row that cannot reach the limit, for the shift that the
 * build was made for. The error is one half of a register, so it must not be 32768; the features
 * are spread to the halves (x0, x2) and (x1, x3) of two. 15 instructions for 4 weights. */
static inline void four_by_four(int32_t *row, const uint8_t *features, uint32_t n, int32_t error)
{
    const uint8_t *end = features + n;
    uint32_t even, odd, y;
    __asm__ volatile("1:\n\t"
                     "ldr     %[odd], [%[f]], #4\n\t"
                     "ldmia   %[row], {r2, r3, r4, r5}\n\t"
                     "uxtb16  %[even], %[odd]\n\t"
                     "uxtb16  %[odd], %[odd], ror #8\n\t"
                     "smlabb  %[y], %[even], %[error], %[half]\n\t"
                     "sub     r2, r2, %[y], asr %[shift]\n\t"
                     "smlabb  %[y], %[odd], %[error], %[half]\n\t"
                     "sub     r3, r3, %[y], asr %[shift]\n\t"
                     "smlatb  %[y], %[even], %[error], %[half]\n\t"
                     "sub     r4, r4, %[y], asr %[shift]\n\t"
                     "smlatb  %[y], %[odd], %[error], %[half]\n\t"
                     "sub     r5, r5, %[y], asr %[shift]\n\t"
                     "stmia   %[row]!, {r2, r3, r4, r5}\n\t"
                     "cmp     %[f], %[end]\n\t"
                     "bne     1b"
                     : [f] "+r"(features), [row] "+r"(row), [even] "=&r"(even), [odd] "=&r"(odd),
                       [y] "=&r"(y)
                     : [end] "r"(end), [error] "r"(error), [half] "r"((int32_t)1 << (ODL_RATE_SHIFT - 1)),
                       [shift] "I"(ODL_RATE_SHIFT)
                     : "r2", "r3", "r4", "r5", "cc", "memory");
}

void odl_sgd_inside(int32_t *row, const uint8_t *features, uint32_t n, int32_t error, unsigned shift)
{
    uint32_t k = 0;
    if (shift == ODL_RATE_SHIFT && error != ODL_ONE && n >= 4) {
        k = n & ~3u;
        four_by_four(row, features, k, error);
    }
    for (; k < n; k++)
        row[k] -= odl_round_shift32(error * features[k], shift);
    row[n] -= odl_round_shift32(error * ODL_BIAS, shift);
}

#endif
