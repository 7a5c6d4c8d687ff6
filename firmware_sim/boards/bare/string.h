/* All of libc that the core may use, for targets that bring none; memory.c has the bodies. */
#ifndef ODL_BARE_STRING_H
#define ODL_BARE_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memset(void *to, int value, size_t n);

/* A compiler for a bare target would make a call of each one otherwise, even of four bytes. */
#define memcpy __builtin_memcpy
#define memset __builtin_memset

#endif
