#include "core.h"
#include "shift.h"
#include "simd.h"

static int32_t step(int32_t weight, int32_t product, unsigned shift)
{
    int32_t value = weight - odl_round_shift32(product, shift);
    if (value > ODL_LIMIT)
        return ODL_LIMIT;
    return value < -ODL_LIMIT ? -ODL_LIMIT : value;
}

/* row -= round(error * feature / 2**shift), saturating at +-2**30.
 *
 * error is softmax minus one-hot in Q15, [-32768, 32768]; with a uint8 feature the product is
 * below 2**23, so 32 bits hold it with the rounding term for shifts 1 to 24. */
void odl_sgd(int32_t *row, const uint8_t *features, uint32_t n, int32_t error, unsigned shift)
{
    for (uint32_t k = 0; k < n; k++)
        row[k] = step(row[k], error * features[k], shift);
    row[n] = step(row[n], error * ODL_BIAS, shift);
}

#ifndef ODL_SIMD

/* odl_sgd for a row whose weights cannot reach the limit: nothing has to be held back. */
void odl_sgd_inside(int32_t *row, const uint8_t *features, uint32_t n, int32_t error, unsigned shift)
{
    for (uint32_t k = 0; k < n; k++)
        row[k] -= odl_round_shift32(error * features[k], shift);
    row[n] -= odl_round_shift32(error * ODL_BIAS, shift);
}

#endif
