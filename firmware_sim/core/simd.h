/* The few Cortex-M4 and M33 instructions that the faster variants use, where there are any.
 *
 * ODL_SIMD is set by the target alone, never by what is computed: the variants give the plain
 * functions' results bit for bit. ODL_PLAIN leaves them out. */
#ifndef ODL_SIMD_H
#define ODL_SIMD_H

#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32) && !defined(ODL_PLAIN)
#define ODL_SIMD 1

#include <arm_acle.h>

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
    return __usada8(a, b, total);
}

#endif
#endif
