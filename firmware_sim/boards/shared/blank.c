#include "board.h"

int board_flash_blank(uintptr_t address, size_t bytes)
{
    const uint32_t *words = (const uint32_t *)address;

    for (size_t i = 0; i < bytes / 4; i++)
        if (words[i] != BOARD_FLASH_ERASED)
            return 0;
    return 1;
}
