/* Presses of the button are counted into patterns: a pattern ends half a second after its last release, or
   at once with a long press. The button counts only after it was seen released, so a pin
   that always reads 0 (an emulator's) is no press. */
#include "board.h"

enum { SETTLE = 20000, LONG = 800000, PAUSE = 500000 }; /* microseconds */
enum { HELD = 0x80 };

static uint32_t changed_at, since;
static uint8_t raw = 1, down = 1, seen_released;
static uint8_t presses, long_press;
static volatile uint8_t pattern; /* presses, with HELD: one byte, so that both are of one moment */

static void finish(unsigned held)
{
    pattern = (uint8_t)((presses & (HELD - 1u)) | held);
    presses = 0;
}

void board_button_poll(uint32_t now)
{
    uint8_t level = board_button_down() != 0;

    if (level != raw) {
        raw = level;
        changed_at = now;
    }
    if (raw != down && now - changed_at >= SETTLE) {
        down = raw;
        since = now;
        if (down && seen_released)
            presses++;
        if (!down) {
            seen_released = 1;
            long_press = 0;
        }
    }
    if (presses == 0)
        return;
    if (down && !long_press && now - since >= LONG) {
        long_press = 1;
        finish(HELD);
    } else if (!down && now - since >= PAUSE) {
        finish(0);
    }
}

int board_button_pattern(int *held)
{
    uint8_t found = pattern;

    if (found != 0) /* else one may just have finished, to be told the next time */
        pattern = 0;
    *held = (found & HELD) != 0;
    return found & (HELD - 1);
}
