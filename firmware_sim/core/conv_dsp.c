#include "core.h"
#include "simd.h"

#ifdef ODL_SIMD

/* requantise.c for shift >= 33, which all but extreme models have. The rounding term then
 * touches only the upper word, so with h = upper word and s = shift - 32
 *     floor((product + 2**(shift - 1)) / 2**shift) = floor((h + 2**(s - 1)) / 2**s)
 *                                                  = floor((floor(h / 2**(s - 1)) + 1) / 2). */
static inline int16_t requantise(int32_t acc, int32_t mult, unsigned shift)
{
    if (shift < 33)
        return odl_requantise_relu_u8(acc, mult, shift);
    uint32_t positive = acc > 0 ? (uint32_t)acc : 0;
    uint32_t high = (uint32_t)(((uint64_t)positive * (uint32_t)mult) >> 32); /* below 2**30 */
    return (int16_t)__usat((int32_t)((high >> (shift - 33)) + 1) >> 1, 8);
}

/* The last n % 4 taps. */
static inline int32_t tail(const int8_t *weights, const int16_t *taps, uint32_t n, int32_t acc)
{
    for (uint32_t i = n & ~3u; i < n; i++)
        acc += weights[i] * taps[i];
    return acc;
}

/* conv.c with two multiplications to an instruction, four output channels at a time, so that
 * taps are loaded and sorted into pairs once for the four.
 *
 * SMLAD adds two products to an int32; the image's bound on |bias| + 255 * sum |w| holds for
 * any order, so neither the pairs nor the sums wrap. */
void odl_conv(const int8_t *weights, const int32_t *biases, const int32_t *mults, const uint8_t *shifts,
              const int16_t *taps, uint32_t n, uint32_t cout, int16_t *out)
{
    uint32_t o = 0;
    for (; o + 4 <= cout; o += 4) {
        const int8_t *w0 = weights, *w1 = w0 + n, *w2 = w1 + n, *w3 = w2 + n;
        const int16_t *t = taps, *end = taps + (n & ~3u);
        int32_t a0 = biases[o], a1 = biases[o + 1], a2 = biases[o + 2], a3 = biases[o + 3];
        while (t != end) {
            uint32_t first = odl_load32(t), second = odl_load32(t + 2), word;
            int16x2_t even = odl_low_halves(first, second), odd = odl_high_halves(first, second);
            t += 4;
            word = odl_load32(w0);
            a0 = __smlad(odl_even_bytes(word), even, a0);
            a0 = __smlad(odl_odd_bytes(word), odd, a0);
            word = odl_load32(w1);
            a1 = __smlad(odl_even_bytes(word), even, a1);
            a1 = __smlad(odl_odd_bytes(word), odd, a1);
            word = odl_load32(w2);
            a2 = __smlad(odl_even_bytes(word), even, a2);
            a2 = __smlad(odl_odd_bytes(word), odd, a2);
            word = odl_load32(w3);
            a3 = __smlad(odl_even_bytes(word), even, a3);
            a3 = __smlad(odl_odd_bytes(word), odd, a3);
            w0 += 4;
            w1 += 4;
            w2 += 4;
            w3 += 4;
        }
        out[o] = requantise(tail(weights, taps, n, a0), mults[o], shifts[o]);
        out[o + 1] = requantise(tail(weights + n, taps, n, a1), mults[o + 1], shifts[o + 1]);
        out[o + 2] = requantise(tail(weights + 2 * n, taps, n, a2), mults[o + 2], shifts[o + 2]);
        out[o + 3] = requantise(tail(weights + 3 * n, taps, n, a3), mults[o + 3], shifts[o + 3]);
        weights += 4 * n;
    }
    for (; o < cout; o++) {
        int32_t acc = biases[o];
        for (uint32_t i = 0; i < n; i++)
            acc += weights[i] * taps[i];
        out[o] = requantise(acc, mults[o], shifts[o]);
        weights += n;
    }
}

#endif
