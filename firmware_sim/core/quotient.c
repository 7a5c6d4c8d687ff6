#include "core.h"

/* dividend / divisor, rounded down; 0 for a divisor of 0.
 *
 * The only division of 64 bits, bit by bit: a compiler's own takes a kilobyte and more where the processor has
 * none, and a window needs three. */
uint64_t odl_quotient(uint64_t dividend, uint64_t divisor)
{
    uint64_t result = 0, bit = 1;
    if (divisor == 0)
        return 0;
    while (divisor <= dividend >> 1) {
        divisor <<= 1;
        bit <<= 1;
    }
    for (; bit != 0; bit >>= 1, divisor >>= 1) {
        if (dividend >= divisor) {
            dividend -= divisor;
            result |= bit;
        }
    }
    return result;
}
