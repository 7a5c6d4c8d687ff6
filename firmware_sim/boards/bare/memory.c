/* All of libc that compiled code asks for. The loops are kept from becoming calls of
   themselves: volatile where a compiler would see through them. */
#include <stdint.h>
#include <string.h>

#undef memcpy
#undef memset

void *memmove(void *to, const void *from, size_t n);

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if ((((uintptr_t)t | (uintptr_t)f) & 3u) == 0)
        for (; n >= 4; n -= 4, t += 4, f += 4)
            *(volatile uint32_t *)t = *(const uint32_t *)f;
    while (n--)
        *(volatile uint8_t *)t++ = *f++;
    return to;
}

void *memset(void *to, int value, size_t n)
{
    uint8_t *t = to;
    uint32_t word = (uint8_t)value * 0x01010101u;

    if (((uintptr_t)t & 3u) == 0)
        for (; n >= 4; n -= 4, t += 4)
            *(volatile uint32_t *)t = word;
    while (n--)
        *(volatile uint8_t *)t++ = (uint8_t)value;
    return to;
}

/* Nobody calls it by name: a compiler makes it of a loop that moves entries up. */
void *memmove(void *to, const void *from, size_t n)
{
    volatile uint8_t *t = to;
    const volatile uint8_t *f = from;

    if (t < f)
        while (n--)
            *t++ = *f++;
    else
        while (n--)
            t[n] = f[n];
    return to;
}
