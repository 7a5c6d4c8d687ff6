#include "core.h"
#include "shift.h"

/* raw * mult / 2**shift + offset, rounded, before saturation to int8.
 *
 * mult any int32, shift 0 to 60: the product stays below 2**46. */
int64_t odl_scale_input(int16_t raw, int32_t mult, unsigned shift, int16_t offset)
{
    return odl_round_shift((int64_t)raw * mult, shift) + offset;
}
