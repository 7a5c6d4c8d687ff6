#include "core.h"
#include "shift.h"
#include "simd.h"

#ifdef ODL_SIMD

static inline int32_t step(int32_t weight, int32_t error, int32_t feature, int32_t half, unsigned shift)
{
    int32_t value = weight - odl_floor_shift32(error * feature + half, shift);
    if (value > ODL_LIMIT)
        return ODL_LIMIT;
    return value < -ODL_LIMIT ? -ODL_LIMIT : value;
}

static inline void all(int32_t *row, const uint8_t *features, uint32_t n, int32_t error, unsigned shift)
{
    int32_t half = (int32_t)1 << (shift - 1);
    uint32_t k = 0;
    for (; k + 4 <= n; k += 4) {
        uint32_t x = odl_load32(features + k);
        row[k] = step(row[k], error, (int32_t)(x & 255), half, shift);
        row[k + 1] = step(row[k + 1], error, (int32_t)(x >> 8 & 255), half, shift);
        row[k + 2] = step(row[k + 2], error, (int32_t)(x >> 16 & 255), half, shift);
        row[k + 3] = step(row[k + 3], error, (int32_t)(x >> 24), half, shift);
    }
    for (; k < n; k++)
        row[k] = step(row[k], error, features[k], half, shift);
    row[n] = step(row[n], error, ODL_BIAS, half, shift);
}

/* sgd.c with four features to a load. A shift known when compiling is part of the subtraction. */
void odl_sgd(int32_t *row, const uint8_t *features, uint32_t n, int32_t error, unsigned shift)
{
    if (shift == ODL_RATE_SHIFT)
        all(row, features, n, error, ODL_RATE_SHIFT);
    else
        all(row, features, n, error, shift);
}

#endif
