#include "core.h"
#include "shift.h"

/* acc * mult / 2**shift + zero, within 0 and 255.
 *
 * acc int32, mult in [2**29, 2**31), shift 31 to 62, zero 0 to 255: the product is below 2**62 in size.
 * Rounded once: to the nearest, ties upwards. Rounded twice, as TensorFlow Lite's reference convolution
 * does: first to a multiple of 2**31, ties upwards, then the rest of the shift, ties away from zero. */
uint8_t odl_requantise_zero(int32_t acc, int32_t mult, unsigned shift, unsigned zero, unsigned twice)
{
    int64_t value = (int64_t)acc * mult;
    if (twice) {
        value = odl_round_shift(value, 31);
        value = odl_round_shift(shift > 31 && value < 0 ? value - 1 : value, shift - 31);
    } else {
        value = odl_round_shift(value, shift);
    }
    value += zero;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}
