/* The few Cortex-M4 and M33 instructions that the faster variants use, where there are any.
 *
 * ODL_SIMD is set by the target alone, never by what is computed: the variants give the plain
 * functions' results bit for bit. ODL_PLAIN leaves them out. */
#ifndef ODL_SIMD_H
#define ODL_SIMD_H

#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32) && !defined(ODL_PLAIN)
#define ODL_SIMD 1

#include <stdint.h>

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

#endif
#endif
