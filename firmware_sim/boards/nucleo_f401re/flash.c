/* The flash controller: programming only clears bits, erasing sets a sector's bits.

   Code runs from the same flash, so the processor stalls while the controller works, as far as
   its caches do not help: 16 us a word, up to 2 s a sector. Where there is no controller at all
   (QEMU), RAM that the real chip does not have stands in for the two banks of the log, so that
   the same image can run whole sessions there; no image can be uploaded to it. */
#include "board.h"
#include "registers.h"

enum { PATIENCE = 5000000 }; /* microseconds for one operation; the watchdog has more */

static const struct {
    uintptr_t address, stand_in;
    unsigned sector;
} banks[] = {
    [BOARD_FLASH_LOG] = {BOARD_LOG_0, 0x20018000u, 4},
    [BOARD_FLASH_LOG + 1] = {BOARD_LOG_1, 0x20024000u, 7},
    [BOARD_FLASH_SLOT] = {BOARD_SLOT_0, 0, 5},
    [BOARD_FLASH_SLOT + 1] = {BOARD_SLOT_1, 0, 6},
    [BOARD_FLASH_MARKS] = {BOARD_MARKS, 0, 3},
};

/* Locked is how a controller comes out of reset, and how every function here leaves it. */
static int there(void)
{
    return FLASH_CR != 0;
}

uintptr_t board_flash_bank(unsigned bank)
{
    return there() || banks[bank].stand_in == 0 ? banks[bank].address : banks[bank].stand_in;
}

static int finish(void)
{
    uint32_t start = odl_board_micros();

    board_watchdog_feed(); /* several of these can follow each other */
    while (FLASH_SR & FLASH_BUSY)
        if (odl_board_micros() - start > PATIENCE)
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
    int controlled = there(), good = !controlled || unlock();

    for (size_t i = 0; good && i < bytes / 4; i++) {
        if (controlled)
            FLASH_CR = FLASH_WORDS | FLASH_PROGRAM;
        to[i] = from[i];
        __asm__ volatile("dsb" ::: "memory");
        good = finish() && to[i] == from[i];
    }
    FLASH_CR = FLASH_LOCK;
    return good;
}

static int erase_stand_in(unsigned bank)
{
    if (banks[bank].stand_in == 0)
        return 0;
    for (uintptr_t at = 0; at < BOARD_FLASH_BANK; at += 4)
        *(volatile uint32_t *)(banks[bank].stand_in + at) = BOARD_FLASH_ERASED;
    return 1;
}

int board_flash_erase(unsigned bank)
{
    unsigned sector = banks[bank].sector;
    int good;

    if (!there())
        return erase_stand_in(bank);
    good = unlock();
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
