/* A main program for the board alone: whatever comes over the line goes back over it.
   A few bytes are commands; the tests say what they expect of each. */
#include "board.h"
#include "echo.h"

static void say(const char *text)
{
    size_t n = 0;
    while (text[n])
        n++;
    odl_board_write((const uint8_t *)text, n);
}

void say_number(uint32_t value)
{
    for (int shift = 28; shift >= 0; shift -= 4) {
        uint8_t digit = (uint8_t)(value >> shift & 15u);
        uint8_t letter = (uint8_t)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        odl_board_write(&letter, 1);
    }
}

static uint32_t deep(uint32_t n)
{
    volatile uint32_t room[16];
    room[n % 16u] = n;
    return n ? deep(n - 1) + room[n % 16u] : 0;
}

/* Further commands: 1 if it was one. Another file may have some. */
__attribute__((weak)) int echo_more(uint8_t command)
{
    (void)command;
    return 0;
}

static void obey(uint8_t command)
{
    int held;

    switch (command) {
    case 1: /* why we started, and where a fault was */
        say_number((uint32_t)board_reset_cause());
        say_number(board_fault_address());
        break;
    case 2: /* a store to nowhere */
        *(volatile uint32_t *)0x60000000u = 1;
        break;
    case 3: /* hang */
        for (;;)
            __asm__ volatile("nop");
    case 4:
        board_restart();
        break;
    case 5: /* microseconds, and their course over a wait of 1000 */
    {
        uint32_t start = odl_board_micros();
        board_wait(1000);
        say_number(odl_board_micros() - start);
        break;
    }
    case 6: /* the last pattern of the button */
        say_number((uint32_t)board_button_pattern(&held));
        say_number((uint32_t)held);
        break;
    case 7:
        board_led(1);
        break;
    case 8:
        say_number(deep(4));
        break;
    case 9:
        say_number(deep(100000));
        break;
    case 10:
        say_number(odl_board_missed());
        break;
    default:
        if (!echo_more(command))
            odl_board_write(&command, 1);
    }
}

int main(void)
{
    uint8_t bytes[32];

    board_start();
    say("up");
    for (;;) {
        size_t n = board_line_read(bytes, sizeof bytes);
        for (size_t i = 0; i < n; i++)
            obey(bytes[i]);
        board_idle();
    }
}
