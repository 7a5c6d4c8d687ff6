#include "core.h"
#include "shift.h"

/* The mean of the stored vectors, (sum + n / 2) / n per feature; zeros if there are none. */
void odl_mean_stored(const uint8_t *stored, uint32_t n_stored, uint32_t n, uint8_t *centre)
{
    for (uint32_t k = 0; k < n; k++) {
        uint32_t total = 0; /* at most 65535 * 255 */
        for (uint32_t j = 0; j < n_stored; j++)
            total += stored[j * n + k];
        centre[k] = n_stored ? (uint8_t)((total + n_stored / 2) / n_stored) : 0;
    }
}

/* row = gain * (features - centre), its plane midway between the two.
 *
 * The bias, which is multiplied with 128, makes the logit zero halfway:
 * -round(gain * sum (x - c)(x + c) / 256). gain at most 255: a weight is below 2**16, the
 * sum below 255 * 192 * 2**16 < 2**32. */
void odl_imprint(int32_t *row, const uint8_t *features, const uint8_t *centre, uint32_t n, unsigned gain)
{
    int64_t total = 0;
    for (uint32_t k = 0; k < n; k++) {
        int32_t x = features[k], c = centre[k];
        row[k] = (int32_t)gain * (x - c);
        total += (x - c) * (x + c);
    }
    /* Below 2**24, so the limit of 2**30 is never met. */
    row[n] = (int32_t)-odl_round_shift((int64_t)gain * total, 8);
}
