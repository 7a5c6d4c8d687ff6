#include "core.h"
#include "simd.h"

/* (sum + n / 2) / n: rounded to nearest, ties upwards. */
static uint8_t mean(uint32_t sum, uint32_t n)
{
    return (uint8_t)((sum + n / 2) / n);
}

#ifdef ODL_SIMD

/* Four channels of n positions from the ring's `at` on: sums of channels 0 and 2, and of 1 and 3,
   in the halves of a word; maxima in its bytes. Where it stops in the ring. */
static uint32_t four(const uint8_t *ring, uint32_t positions, uint32_t channels, uint32_t at, uint32_t n,
                     uint32_t *even, uint32_t *odd, uint32_t *top)
{
    for (; n > 0; n--) {
        uint32_t word = odl_load32(ring + at * channels);
        *even = odl_add_even(*even, word);
        *odd = odl_add_odd(*odd, word);
        *top = odl_max_bytes(word, *top);
        at = at + 1 < positions ? at + 1 : 0;
    }
    return at;
}

#endif

/* Mean of the first half, mean of the second half, maximum, per channel.
 *
 * ring (positions, channels) holds a window's outputs, the oldest at `first`; features
 * (3 * channels,) is written. With P positions, 2 to 4096, the halves are [0, P / 2) and
 * [P / 2, P). A mean over n is (sum + n / 2) / n on unsigned integers; sums stay below 2**20. */
void odl_pool(const uint8_t *ring, uint32_t positions, uint32_t channels, uint32_t first, uint8_t *features)
{
    uint32_t half = positions / 2, rest = positions - half, c = 0;
#ifdef ODL_SIMD
    /* 257 bytes fill 16 bits. */
    for (; c + 4 <= channels && rest <= 257; c += 4) {
        uint32_t early[2] = {0, 0}, late[2] = {0, 0}, top = 0, at;
        at = four(ring + c, positions, channels, first, half, &early[0], &early[1], &top);
        four(ring + c, positions, channels, at, rest, &late[0], &late[1], &top);
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t right = 16 * (i / 2);
            features[c + i] = mean(early[i % 2] >> right & 0xffff, half);
            features[channels + c + i] = mean(late[i % 2] >> right & 0xffff, rest);
            features[2 * channels + c + i] = (uint8_t)(top >> (8 * i));
        }
    }
#endif
    for (; c < channels; c++) {
        uint32_t early = 0, late = 0, at = first;
        uint8_t top = 0;
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
        features[c] = mean(early, half);
        features[channels + c] = mean(late, rest);
        features[2 * channels + c] = top;
    }
}
