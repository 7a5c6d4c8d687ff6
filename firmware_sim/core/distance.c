#include "core.h"
#include "simd.h"

/* Mean absolute difference in Q15: 32768 * sum |a - b| / (255 * n), n 1 to 192.
 *
 * The sum is below 2**16, the product below 2**31. */
int32_t odl_distance(const uint8_t *a, const uint8_t *b, uint32_t n)
{
    uint32_t total = 0, k = 0;
#ifdef ODL_SIMD
    for (; k + 4 <= n; k += 4)
        total = odl_usada8(odl_load32(a + k), odl_load32(b + k), total);
#endif
    for (; k < n; k++)
        total += a[k] > b[k] ? (uint32_t)(a[k] - b[k]) : (uint32_t)(b[k] - a[k]);
    return (int32_t)(total * ODL_ONE / (255 * n));
}
