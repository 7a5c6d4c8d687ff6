#include "core.h"
#include "simd.h"

#ifndef ODL_SIMD

/* out[o] = requantise(biases[o] + weights[o] . taps) for every output channel; around the zero point
 * `zero` where `op` is another than ODL_OP_CONV.
 *
 * weights (cout, n) in [-127, 127], taps (n,) in [-128, 255]: the last `kernel` inputs,
 * oldest first. The image is refused unless 255 * sum |w| + |bias| < 2**31 holds for each
 * channel, so no partial sum leaves int32. conv_dsp.c is the same with SMLAD. */
void odl_conv(const int8_t *weights, const int32_t *biases, const int32_t *mults, const uint8_t *shifts,
              const int16_t *taps, uint32_t n, uint32_t cout, unsigned op, unsigned zero, int16_t *out)
{
    for (uint32_t o = 0; o < cout; o++) {
        int32_t acc = biases[o];
        for (uint32_t i = 0; i < n; i++)
            acc += weights[i] * taps[i];
        weights += n;
        if (ODL_OPERATIONS == 1 || op == ODL_OP_CONV)
            out[o] = odl_requantise_relu_u8(acc, mults[o], shifts[o]);
        else
            out[o] = odl_requantise_zero(acc, mults[o], shifts[o], zero, op == ODL_OP_CONV_TWICE);
    }
}

#endif
