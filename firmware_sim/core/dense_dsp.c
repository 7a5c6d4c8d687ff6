#include "core.h"
#include "simd.h"

#ifdef ODL_SIMD

/* dense.c with four features and four weights to a load; 12 instructions for 4 products. */
int64_t odl_dense(const int32_t *row, const uint8_t *features, uint32_t n)
{
    uint64_t bias = (uint64_t)((int64_t)row[n] * ODL_BIAS);
    uint32_t low = (uint32_t)bias, high = (uint32_t)(bias >> 32), x, y;
    const uint8_t *end = features + (n & ~3u);
    if (n >= 4)
        __asm__ volatile("1:\n\t"
                         "ldr     %[x], [%[f]], #4\n\t"
                         "ldmia   %[row]!, {r2, r3, r4, r5}\n\t"
                         "uxtb    %[y], %[x]\n\t"
                         "smlal   %[low], %[high], r2, %[y]\n\t"
                         "uxtb    %[y], %[x], ror #8\n\t"
                         "smlal   %[low], %[high], r3, %[y]\n\t"
                         "uxtb    %[y], %[x], ror #16\n\t"
                         "smlal   %[low], %[high], r4, %[y]\n\t"
                         "lsrs    %[y], %[x], #24\n\t"
                         "smlal   %[low], %[high], r5, %[y]\n\t"
                         "cmp     %[f], %[end]\n\t"
                         "bne     1b"
                         : [f] "+r"(features), [row] "+r"(row), [low] "+r"(low), [high] "+r"(high),
                           [x] "=&r"(x), [y] "=&r"(y)
                         : [end] "r"(end)
                         : "r2", "r3", "r4", "r5", "cc", "memory");
    int64_t acc = (int64_t)((uint64_t)high << 32 | low);
    for (n &= 3; n > 0; n--)
        acc += (int64_t)*row++ * *features++;
    return acc;
}

#endif
