/* 84 MHz from the internal oscillator. Every wait for a ready bit is bounded, because an
   emulator may never set it; the processor then stays at 16 MHz and says so. */
#include "board.h"
#include "registers.h"

enum { PATIENCE = 20000 };

static uint32_t core = 16000000u, apb1 = 16000000u;

static int wait_for(volatile uint32_t *reg, uint32_t mask, uint32_t value)
{
    for (int i = 0; i < PATIENCE; i++)
        if ((*reg & mask) == value)
            return 1;
    return 0;
}

void board_clock_start(void)
{
    RCC_APB1ENR |= APB1_PWR;
    AFTER_CLOCK_ON();
    PWR_CR |= 2u << 14; /* voltage scale 2: up to 84 MHz */
    /* 16 MHz / 16 * 336 / 4 = 84 MHz; 336 / 7 = 48 MHz for USB, unused */
    RCC_PLLCFGR = (7u << 24) | (1u << 16) | (336u << 6) | 16u;
    RCC_CR |= CR_PLL_ON;
    if (!wait_for(&RCC_CR, CR_PLL_READY, CR_PLL_READY))
        return;
    FLASH_ACR = (7u << 8) | 2u; /* caches, prefetch, two wait states: 3.3 V, 84 MHz */
    RCC_CFGR = (4u << 10) | 2u; /* APB1 at half the clock; run from the PLL */
    if (!wait_for(&RCC_CFGR, CFGR_SWITCH_MASK, CFGR_SWITCHED_TO_PLL)) {
        RCC_CFGR = 0;
        return;
    }
    core = 84000000u;
    apb1 = 42000000u;
}

uint32_t board_clock_of_core(void)
{
    return core;
}

uint32_t board_clock_of_apb1(void)
{
    return apb1;
}
