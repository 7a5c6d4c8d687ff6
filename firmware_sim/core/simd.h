/* The few Cortex-M4 and M33 instructions that the faster variants use, where there are any.
 *
 * ODL_SIMD is set by the target alone, never by what is computed: the variants give the plain
 * functions' results bit for bit. ODL_PLAIN leaves them out. */
#ifndef ODL_SIMD_H
#define ODL_SIMD_H

#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32) && !defined(ODL_PLAIN)
#define ODL_SIMD 1

#include <arm_acle.h>
#include <string.h>

/* Four bytes from anywhere: these cores load words that are not aligned. */
static inline uint32_t odl_load32(const void *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* total + the sum of four absolute byte differences. */
static inline uint32_t odl_usada8(uint32_t a, uint32_t b, uint32_t total)
{
    return __usada8(a, b, total);
}

/* Bytes 0 and 2 of a word, and bytes 1 and 3, each sign-extended to 16 bits. */
static inline int16x2_t odl_even_bytes(uint32_t word)
{
    return __sxtb16((int8x4_t)word);
}

static inline int16x2_t odl_odd_bytes(uint32_t word)
{
    return __sxtb16((int8x4_t)__ror(word, 8));
}

/* The low halves, and the high halves, of two words. */
static inline int16x2_t odl_low_halves(uint32_t a, uint32_t b)
{
    return (int16x2_t)((a & 0xffffu) | (b << 16));
}

static inline int16x2_t odl_high_halves(uint32_t a, uint32_t b)
{
    return (int16x2_t)((b & 0xffff0000u) | (a >> 16));
}

#endif
#endif
