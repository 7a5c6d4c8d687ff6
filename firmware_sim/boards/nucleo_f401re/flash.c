/* The flash controller: programming only clears bits, erasing sets a sector's bits.

   Code runs from the same flash, so the processor stalls while the controller works: 16 us a
   word, up to 4 s a sector. Waits are bounded by turns, because a stalled processor counts
   none and a controller that is not there (QEMU) never becomes ready or busy. */
#include "board.h"
#include "registers.h"

enum { PATIENCE = 50000000 };

static int finish(void)
{
    uint32_t turns = 0;

    while (FLASH_SR & FLASH_BUSY)
        if (++turns == PATIENCE)
            return 0;
    return (FLASH_SR & FLASH_ERRORS) == 0;
}

static int unlock(void)
{
    if (!finish())
        FLASH_SR = FLASH_ERRORS; /* written ones clear */
    if (FLASH_CR & FLASH_LOCK) {
        FLASH_KEYR = 0x45670123u;
        FLASH_KEYR = 0xCDEF89ABu;
    }
    return (FLASH_CR & FLASH_LOCK) == 0;
}

int board_flash_program(uintptr_t address, const void *words, size_t bytes)
{
    const uint32_t *from = words;
    volatile uint32_t *to = (volatile uint32_t *)address;
    int good = unlock();

    for (size_t i = 0; good && i < bytes / 4; i++) {
        FLASH_CR = FLASH_WORDS | FLASH_PROGRAM;
        to[i] = from[i];
        __asm__ volatile("dsb" ::: "memory");
        good = finish() && to[i] == from[i];
    }
    FLASH_CR = FLASH_LOCK;
    return good;
}

int board_flash_erase(unsigned sector)
{
    int good = unlock();

    if (good) {
        FLASH_CR = FLASH_WORDS | FLASH_ERASE | sector << 3;
        FLASH_CR = FLASH_WORDS | FLASH_ERASE | sector << 3 | FLASH_START;
        __asm__ volatile("dsb" ::: "memory");
        good = finish();
    }
    FLASH_CR = FLASH_LOCK;
    /* Cached lines of the sector are stale: both caches off, emptied, on. */
    FLASH_ACR &= ~(3u << 9);
    FLASH_ACR |= 3u << 11;
    FLASH_ACR &= ~(3u << 11);
    FLASH_ACR |= 3u << 9;
    return good;
}
