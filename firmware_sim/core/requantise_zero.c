#include "core.h"
#include "shift.h"

/* value * mult / 2**shift, rounded as TensorFlow Lite's reference kernels do: first to a multiple of 2**31,
 * ties upwards, then the rest of the shift, ties away from zero.
 *
 * value int32, mult in [2**29, 2**31), shift 31 to 62. */
int32_t odl_scale_twice(int32_t value, int32_t mult, unsigned shift)
{
    int64_t product = odl_round_shift((int64_t)value * mult, 31);
    return (int32_t)odl_round_shift(shift > 31 && product < 0 ? product - 1 : product, shift - 31);
}

/* acc * mult / 2**shift + zero, within 0 and 255.
 *
 * acc int32, mult in [2**29, 2**31), shift 31 to 62, zero 0 to 255: the product is below 2**62 in size.
 * Rounded once: to the nearest, ties upwards. Rounded twice: odl_scale_twice. */
uint8_t odl_requantise_zero(int32_t acc, int32_t mult, unsigned shift, unsigned zero, unsigned twice)
{
    int64_t value = twice ? odl_scale_twice(acc, mult, shift) : odl_round_shift((int64_t)acc * mult, shift);
    value += zero;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}
