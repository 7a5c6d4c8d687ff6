/* The few Cortex-M4 and M33 instructions that the faster variants use, where there are any.
 *
 * ODL_SIMD is set by the target alone, never by what is computed: the variants give the plain
 * functions' results bit for bit. ODL_PLAIN leaves them out. */
#ifndef ODL_SIMD_H
#define ODL_SIMD_H

#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32) && !defined(ODL_PLAIN)
#define ODL_SIMD 1

#include "core.h"

/* Four bytes from anywhere: these cores load words that are not aligned. */
static inline uint32_t odl_load32(const void *p)
{
    uint32_t word;
    __builtin_memcpy(&word, p, sizeof word); /* by this name it is a load, never a call */
    return word;
}

/* total + the sum of four absolute byte differences. */
static inline uint32_t odl_usada8(uint32_t a, uint32_t b, uint32_t total)
{
    __asm__("usada8 %0, %1, %2, %0" : "+r"(total) : "r"(a), "r"(b));
    return total;
}

/* Bytes 0 and 2 of a word added to two halves, and bytes 1 and 3. */
static inline uint32_t odl_add_even(uint32_t halves, uint32_t word)
{
    __asm__("uxtab16 %0, %0, %1" : "+r"(halves) : "r"(word));
    return halves;
}

static inline uint32_t odl_add_odd(uint32_t halves, uint32_t word)
{
    __asm__("uxtab16 %0, %0, %1, ror #8" : "+r"(halves) : "r"(word));
    return halves;
}

/* The larger of each two bytes. */
static inline uint32_t odl_max_bytes(uint32_t a, uint32_t b)
{
    uint32_t larger;
    __asm__("usub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(larger) : "r"(a), "r"(b) : "cc");
    return larger;
}

/* min(255, value / 2) for value below 2**31. */
static inline uint32_t odl_half_to_byte(uint32_t value)
{
    __asm__("usat %0, #8, %0, asr #1" : "+r"(value));
    return value;
}

/* requantise.c for shift >= 33, which all but extreme models have. The rounding term then
 * touches only the upper word, so with h = upper word and s = shift - 32
 *     floor((product + 2**(shift - 1)) / 2**shift) = floor((h + 2**(s - 1)) / 2**s)
 *                                                  = floor((floor(h / 2**(s - 1)) + 1) / 2).
 * Rounding twice, where no result is negative, is the same with 2**30 added to the product, and a
 * negative one is 0 either way. What is around another zero point takes requantise_zero.c. */
static inline int16_t odl_requantise_fast(int32_t acc, int32_t mult, unsigned shift, unsigned op, unsigned zero)
{
    uint32_t first = 0;
    if (ODL_OPERATIONS != 1 && op != ODL_OP_CONV) {
        if (shift < 33 || zero != 0)
            return odl_requantise_zero(acc, mult, shift, zero, op == ODL_OP_CONV_TWICE);
        if (op == ODL_OP_CONV_TWICE)
            first = (uint32_t)1 << 30;
    } else if (shift < 33) {
        return odl_requantise_relu_u8(acc, mult, shift);
    }
    uint32_t positive = acc > 0 ? (uint32_t)acc : 0;
    uint32_t high = (uint32_t)(((uint64_t)positive * (uint32_t)mult + first) >> 32); /* at most 2**30 */
    return (int16_t)odl_half_to_byte((high >> (shift - 33)) + 1);
}

#endif
#endif
