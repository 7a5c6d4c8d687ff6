#include "core.h"

/* Mean of the first half, mean of the second half, maximum, per channel.
 *
 * ring (positions, channels) holds a window's outputs, the oldest at `first`; features
 * (3 * channels,) is written. With P positions, 2 to 4096, the halves are [0, P / 2) and
 * [P / 2, P). A mean over n is (sum + n / 2) / n on unsigned integers; sums stay below 2**20. */
void odl_pool(const uint8_t *ring, uint32_t positions, uint32_t channels, uint32_t first, uint8_t *features)
{
    uint32_t half = positions / 2, rest = positions - half;
    for (uint32_t c = 0; c < channels; c++) {
        uint32_t early = 0, late = 0;
        uint8_t top = 0;
        uint32_t at = first;
        for (uint32_t p = 0; p < positions; p++) {
            uint8_t value = ring[at * channels + c];
            if (p < half)
                early += value;
            else
                late += value;
            if (value > top)
                top = value;
            at = at + 1 < positions ? at + 1 : 0;
        }
        features[c] = (uint8_t)((early + half / 2) / half);
        features[channels + c] = (uint8_t)((late + rest / 2) / rest);
        features[2 * channels + c] = top;
    }
}
