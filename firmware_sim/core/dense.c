#include "core.h"
#include "simd.h"

#ifndef ODL_SIMD

/* row[0..n) . features + row[n] * 128.
 *
 * |row| <= 2**30, n at most 192: the sum is below 2**30 * 255 * 193 < 2**46. */
int64_t odl_dense(const int32_t *row, const uint8_t *features, uint32_t n)
{
    int64_t acc = (int64_t)row[n] * ODL_BIAS;
    for (uint32_t k = 0; k < n; k++)
        acc += (int64_t)row[k] * features[k];
    return acc;
}

#endif
