#include "core.h"
#include "simd.h"

/* One output position of each operation but convolutions (conv.c).
 *
 * taps (kernel * channels,) are the last `kernel` inputs, oldest first: -128 to 127 for the first layer,
 * 0 to 255 for others. The image is refused unless 255 * sum |w| + |bias| < 2**31 holds for each channel,
 * so no partial sum leaves int32. */

/* Each output from every channels-th input alone, rounded twice; weights (channels, kernel). */
void odl_depthwise(const int8_t *weights, const int32_t *biases, const int32_t *mults, const uint8_t *shifts,
                   const int16_t *taps, uint32_t kernel, uint32_t channels, unsigned zero, int16_t *out)
{
    for (uint32_t o = 0; o < channels; o++) {
        int32_t acc = biases[o];
        for (uint32_t k = 0; k < kernel; k++)
            acc += weights[k] * taps[k * channels + o];
        weights += kernel;
#ifdef ODL_SIMD
        out[o] = odl_requantise_fast(acc, mults[o], shifts[o], ODL_OP_CONV_TWICE, zero);
#else
        out[o] = odl_requantise_zero(acc, mults[o], shifts[o], zero, 1);
#endif
    }
}

/* The largest of every channels-th input, plus `more`: 128 where inputs are signed, else 0. */
void odl_largest(const int16_t *taps, uint32_t kernel, uint32_t channels, int32_t more, int16_t *out)
{
    for (uint32_t o = 0; o < channels; o++) {
        int16_t top = taps[o];
        for (uint32_t k = 1; k < kernel; k++)
            if (taps[k * channels + o] > top)
                top = taps[k * channels + o];
        out[o] = (int16_t)(top + more);
    }
}

/* Each channel's input, plus `more` as above, in its table of 256 outputs less 128. */
void odl_lookup(const int8_t *tables, const int16_t *taps, uint32_t channels, int32_t more, int16_t *out)
{
    for (uint32_t o = 0; o < channels; o++)
        out[o] = (int16_t)(tables[256 * o + (uint32_t)(taps[o] + more)] + 128);
}

/* The mean of every channels-th input, plus `more` as above, rounded as TensorFlow Lite rounds the mean of
 * int8 values, which are these less 128: ties away from 128. kernel is at most 4096, so sums stay below
 * 2**20. Positions of ODL_BESIDE do not count; there is another one. */
void odl_average(const int16_t *taps, uint32_t kernel, uint32_t channels, int32_t more, int16_t *out)
{
    for (; kernel > 1 && taps[0] == ODL_BESIDE; kernel--)
        taps += channels;
    while (kernel > 1 && taps[(kernel - 1) * channels] == ODL_BESIDE)
        kernel--;
    for (uint32_t o = 0; o < channels; o++) {
        int32_t total = 0;
        for (uint32_t k = 0; k < kernel; k++)
            total += taps[k * channels + o] + more - 128;
        uint32_t size = total > 0 ? (uint32_t)total : 0u - (uint32_t)total;
        int32_t nearest = (int32_t)((size + kernel / 2) / kernel);
        out[o] = (int16_t)(total > 0 ? 128 + nearest : 128 - nearest);
    }
}
