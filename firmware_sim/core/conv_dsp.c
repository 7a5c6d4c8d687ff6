#include "core.h"
#include "simd.h"

#ifdef ODL_SIMD

/* Four rows of weights, n apart, times the first 4 * (n / 4) taps, added to acc.
 *
 * For each four taps (t0 to t3): the pairs (t0, t2) and (t1, t3), then for each row a word of
 * four weights, spread to the pairs (w0, w2) and (w1, w3), and two SMLAD. 26 instructions for
 * 16 products. In assembly, because all 13 registers must be had, and no compiler tried finds
 * a way without the stack. */
static void four_rows(const int8_t *weights, const int16_t *taps, uint32_t n, int32_t *acc)
{
    const int16_t *end = taps + (n & ~3u);
    int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
    uint32_t even, odd, x, y;
    __asm__ volatile("1:\n\t"
                     "ldr     %[x], [%[t]], #8\n\t"
                     "ldr     %[y], [%[t], #-4]\n\t"
                     "pkhbt   %[even], %[x], %[y], lsl #16\n\t"
                     "pkhtb   %[odd], %[y], %[x], asr #16\n\t"
                     "ldr     %[x], [%[w], %[n3]]\n\t"
                     "sxtb16  %[y], %[x]\n\t"
                     "sxtb16  %[x], %[x], ror #8\n\t"
                     "smlad   %[a3], %[y], %[even], %[a3]\n\t"
                     "smlad   %[a3], %[x], %[odd], %[a3]\n\t"
                     "ldr     %[x], [%[w], %[n], lsl #1]\n\t"
                     "sxtb16  %[y], %[x]\n\t"
                     "sxtb16  %[x], %[x], ror #8\n\t"
                     "smlad   %[a2], %[y], %[even], %[a2]\n\t"
                     "smlad   %[a2], %[x], %[odd], %[a2]\n\t"
                     "ldr     %[x], [%[w], %[n]]\n\t"
                     "sxtb16  %[y], %[x]\n\t"
                     "sxtb16  %[x], %[x], ror #8\n\t"
                     "smlad   %[a1], %[y], %[even], %[a1]\n\t"
                     "smlad   %[a1], %[x], %[odd], %[a1]\n\t"
                     "ldr     %[x], [%[w]], #4\n\t"
                     "sxtb16  %[y], %[x]\n\t"
                     "sxtb16  %[x], %[x], ror #8\n\t"
                     "smlad   %[a0], %[y], %[even], %[a0]\n\t"
                     "smlad   %[a0], %[x], %[odd], %[a0]\n\t"
                     "cmp     %[t], %[end]\n\t"
                     "bne     1b"
                     : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [w] "+r"(weights),
                       [t] "+r"(taps), [even] "=&r"(even), [odd] "=&r"(odd), [x] "=&r"(x), [y] "=&r"(y)
                     : [n] "r"(n), [n3] "r"(3 * n), [end] "r"(end)
                     : "cc", "memory");
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

/* Products one by one: the last taps of a row, or a row beyond the last four. */
static inline int32_t one_by_one(const int8_t *weights, const int16_t *taps, uint32_t n, int32_t acc)
{
    for (; n > 0; n--)
        acc += *weights++ * *taps++;
    return acc;
}

/* The last n % 4 taps of each of four rows; there is at least one. */
static void last_taps(const int8_t *weights, const int16_t *taps, uint32_t n, int32_t *acc)
{
    weights += n & ~3u;
    taps += n & ~3u;
    int32_t t0 = taps[0], t1 = (n & 3) > 1 ? taps[1] : 0, t2 = (n & 3) > 2 ? taps[2] : 0;
    for (uint32_t i = 0; i < 4; i++, weights += n) {
        int32_t sum = acc[i] + weights[0] * t0;
        if ((n & 3) > 1)
            sum += weights[1] * t1;
        if ((n & 3) > 2)
            sum += weights[2] * t2;
        acc[i] = sum;
    }
}

/* conv.c with two multiplications to an instruction, four output channels at a time, so that
 * taps are loaded and sorted into pairs once for the four.
 *
 * SMLAD adds two products to an int32; the image's bound on |bias| + 255 * sum |w| holds for
 * any order, so neither the pairs nor the sums wrap. */
void odl_conv(const int8_t *weights, const int32_t *biases, const int32_t *mults, const uint8_t *shifts,
              const int16_t *taps, uint32_t n, uint32_t cout, unsigned op, unsigned zero, int16_t *out)
{
    for (; cout >= 4; cout -= 4) {
        int32_t acc[4] = {biases[0], biases[1], biases[2], biases[3]};
        if (n >= 4)
            four_rows(weights, taps, n, acc);
        if ((n & 3) != 0)
            last_taps(weights, taps, n, acc);
        out[0] = odl_requantise_fast(acc[0], mults[0], shifts[0], op, zero);
        out[1] = odl_requantise_fast(acc[1], mults[1], shifts[1], op, zero);
        out[2] = odl_requantise_fast(acc[2], mults[2], shifts[2], op, zero);
        out[3] = odl_requantise_fast(acc[3], mults[3], shifts[3], op, zero);
        weights += 4 * n;
        biases += 4;
        mults += 4;
        shifts += 4;
        out += 4;
    }
    for (; cout > 0; cout--) {
        *out++ = odl_requantise_fast(one_by_one(weights, taps, n, *biases++), *mults++, *shifts++, op, zero);
        weights += n;
    }
}

#endif
