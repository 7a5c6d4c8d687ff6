/* The blue button (PC13, low when pressed) and the green LED (PA5). */
#include "board.h"
#include "registers.h"

void board_pins_start(void)
{
    RCC_AHB1ENR |= 1u | 4u; /* ports A and C */
    AFTER_CLOCK_ON();
    GPIO_MODER(GPIO_A) = (GPIO_MODER(GPIO_A) & ~0xC00u) | 0x400u;
    GPIO_MODER(GPIO_C) &= ~(3u << 26);
}

int board_button_down(void)
{
    return (GPIO_IDR(GPIO_C) >> 13 & 1u) == 0;
}

void board_led(int on)
{
    GPIO_BSRR(GPIO_A) = on ? 1u << 5 : 1u << 21;
}
