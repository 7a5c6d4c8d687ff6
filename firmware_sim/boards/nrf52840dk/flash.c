/* The flash controller: programming only clears bits, erasing sets those of a page of 4 KB.

   Code runs from the same flash, so the processor stalls while the controller works: 41 us a word, 85 ms
   a page. A word may be written twice between two erases, which log.c and slots.c keep to. */
#include "board.h"
#include "registers.h"

enum { PATIENCE = 5000000, PAGE = 4096 }; /* microseconds for one operation; the watchdog has more */

static const struct {
    uintptr_t address;
    size_t bytes;
} banks[] = {
    [BOARD_FLASH_LOG] = {BOARD_LOG_0, BOARD_FLASH_BANK},
    [BOARD_FLASH_LOG + 1] = {BOARD_LOG_1, BOARD_FLASH_BANK},
    [BOARD_FLASH_SLOT] = {BOARD_SLOT_0, BOARD_IMAGE_ROOM},
    [BOARD_FLASH_SLOT + 1] = {BOARD_SLOT_1, BOARD_IMAGE_ROOM},
    [BOARD_FLASH_MARKS] = {BOARD_MARKS, BOARD_MARKS_SIZE},
};

uintptr_t board_flash_bank(unsigned bank)
{
    return banks[bank].address;
}

static int finish(void)
{
    uint32_t start = odl_board_micros();

    board_watchdog_feed(); /* several of these can follow each other */
    while ((NVMC_READY & 1u) == 0)
        if (odl_board_micros() - start > PATIENCE)
            return 0;
    return 1;
}

int board_flash_program(uintptr_t address, const void *words, size_t bytes)
{
    const uint32_t *from = words;
    volatile uint32_t *to = (volatile uint32_t *)address;
    int good = finish();

    NVMC_CONFIG = NVMC_WRITE;
    for (size_t i = 0; good && i < bytes / 4; i++) {
        to[i] = from[i];
        __asm__ volatile("dsb" ::: "memory");
        good = finish() && to[i] == from[i];
    }
    NVMC_CONFIG = NVMC_READ;
    return good;
}

/* Page by page from the first on, so that a power cut leaves no beginning without its end. */
int board_flash_erase(unsigned bank)
{
    uintptr_t end = banks[bank].address + banks[bank].bytes;
    int good = finish();

    NVMC_CONFIG = NVMC_ERASE;
    for (uintptr_t page = banks[bank].address; good && page < end; page += PAGE) {
        if (board_flash_blank(page, PAGE))
            continue;
        NVMC_ERASEPAGE = (uint32_t)page;
        __asm__ volatile("dsb" ::: "memory");
        good = finish();
    }
    NVMC_CONFIG = NVMC_READ;
    return good;
}
