#include "core.h"

/* min(255, (max(acc, 0) * mult + 2**(shift - 1)) >> shift): ReLU, one rounding half up.
 *
 * acc int32, mult in [2**30, 2**31), shift 31 to 62. The product is below 2**62 and the
 * rounding term at most 2**61, so 64 bits hold the sum. */
uint8_t odl_requantise_relu_u8(int32_t acc, int32_t mult, unsigned shift)
{
    if (acc <= 0)
        return 0;
    uint64_t sum = (uint64_t)acc * (uint64_t)mult + ((uint64_t)1 << (shift - 1));
    uint64_t value = sum >> shift;
    return value > 255 ? 255 : (uint8_t)value;
}
