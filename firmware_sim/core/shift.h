/* The only place where a number that may be negative is shifted right or has its root taken. */
#ifndef ODL_SHIFT_H
#define ODL_SHIFT_H

#include <stdint.h>

/* floor(value / 2**shift), whatever the compiler does with negative numbers. What it does is
   known when compiling, so this is one instruction. */
static inline int64_t odl_floor_shift(int64_t value, unsigned shift)
{
    if ((int64_t)-1 >> 1 == -1 || value >= 0)
        return value >> shift;
    return ~(~value >> shift);
}

static inline int32_t odl_floor_shift32(int32_t value, unsigned shift)
{
    if ((int32_t)-1 >> 1 == -1 || value >= 0)
        return value >> shift;
    return ~(~value >> shift);
}

/* value / 2**shift rounded to nearest, ties upwards. |value| < 2**62, shift 0 to 61: the
   sum stays below 2**62 + 2**60. */
static inline int64_t odl_round_shift(int64_t value, unsigned shift)
{
    if (shift == 0)
        return value;
    return odl_floor_shift(value + ((int64_t)1 << (shift - 1)), shift);
}

/* The same on int32: |value| < 2**30, shift 1 to 24. */
static inline int32_t odl_round_shift32(int32_t value, unsigned shift)
{
    return odl_floor_shift32(value + ((int32_t)1 << (shift - 1)), shift);
}

/* Largest integer whose square is at most `value`; 0 to 2**62, bit by bit. */
static inline int64_t odl_root(int64_t value)
{
    uint64_t rest = (uint64_t)value, result = 0, bit = (uint64_t)1 << 62;
    while (bit > rest)
        bit >>= 2;
    while (bit != 0) {
        if (rest >= result + bit) {
            rest -= result + bit;
            result = (result >> 1) + bit;
        } else {
            result >>= 1;
        }
        bit >>= 2;
    }
    return (int64_t)result;
}

#endif
