/* Button 1 (P0.11) and LED 1 (P0.13), both low when pressed or lit. */
#include "board.h"
#include "registers.h"

enum { BUTTON = 11, LED = 13 };

void board_pins_start(void)
{
    P0_OUTSET = 1u << LED;
    P0_PIN_CNF(LED) = PIN_OUTPUT;
    P0_PIN_CNF(BUTTON) = PIN_INPUT_PULLED_UP;
}

int board_button_down(void)
{
    return (P0_IN >> BUTTON & 1u) == 0;
}

void board_led(int on)
{
    if (on)
        P0_OUTCLR = 1u << LED;
    else
        P0_OUTSET = 1u << LED;
}
