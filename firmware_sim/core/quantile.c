#include "core.h"
#include "shift.h"

/* reference += 2**-step * ([score > reference] - rate), Q31, held in [2**16, 2**31].
 *
 * score Q15, 0 to 32768; rate Q31, 0 to 2**31: the share of scores that should lie above. */
int64_t odl_track_quantile(int64_t reference, int32_t score, int64_t rate, unsigned step)
{
    int64_t above = (int64_t)score * 65536 > reference ? ODL_HIGHEST : 0;
    int64_t value = reference + odl_round_shift(above - rate, step);
    if (value < ODL_LOWEST)
        return ODL_LOWEST;
    return value > ODL_HIGHEST ? ODL_HIGHEST : value;
}
