#include "core.h"
#include "simd.h"

#ifdef ODL_SIMD

/* dense.c with four features to a load; each product and sum is one SMLAL. */
int64_t odl_dense(const int32_t *row, const uint8_t *features, uint32_t n)
{
    int64_t acc = (int64_t)row[n] * ODL_BIAS;
    uint32_t k = 0;
    for (; k + 4 <= n; k += 4) {
        uint32_t x = odl_load32(features + k);
        acc += (int64_t)row[k] * (int32_t)(x & 255);
        acc += (int64_t)row[k + 1] * (int32_t)(x >> 8 & 255);
        acc += (int64_t)row[k + 2] * (int32_t)(x >> 16 & 255);
        acc += (int64_t)row[k + 3] * (int32_t)(x >> 24);
    }
    for (; k < n; k++)
        acc += (int64_t)row[k] * features[k];
    return acc;
}

#endif
