/* A main program for the board alone: whatever comes over the line goes back over it.
   A few bytes are commands; the tests say what they expect of each. */
#include "board.h"
#include "registers.h"

static void say(const char *text)
{
    size_t n = 0;
    while (text[n])
        n++;
    odl_board_write((const uint8_t *)text, n);
}

static void say_number(uint32_t value)
{
    for (int shift = 28; shift >= 0; shift -= 4) {
        uint8_t digit = (uint8_t)(value >> shift & 15u);
        uint8_t letter = (uint8_t)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        odl_board_write(&letter, 1);
    }
}

static int quiet;

static uint32_t deep(uint32_t n)
{
    volatile uint32_t room[16];
    room[n % 16u] = n;
    return n ? deep(n - 1) + room[n % 16u] : 0;
}

/* Flags, carries, conditional instructions, loads and stores: what an interrupt in the wrong
   place would spoil. */
static uint32_t table[16];
__attribute__((noinline, used)) uint32_t work(uint32_t n)
{
    uint64_t state = 88172645463325252u;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        table[state & 15u] += (uint32_t)(state >> 40);
        if (state & 64u)
            sum += table[state >> 5 & 15u];
        else
            sum ^= (uint32_t)state;
    }
    return sum;
}

/* n, counted by a loop that keeps the flags over a jump, where an interrupt may come. */
__attribute__((noinline)) static uint32_t flags_over_a_jump(uint32_t n)
{
    uint32_t count = 0;

    __asm__ volatile("1: cmp %1, %1\n"
                     "b 2f\n"
                     "2: bne 3f\n"
                     "adds %0, %0, #1\n"
                     "3: subs %1, %1, #1\n"
                     "bne 1b\n"
                     : "+r"(count), "+r"(n)
                     :
                     : "cc");
    return count;
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
        say_number(board_uart_lost());
        break;
    case 12: /* no ticks while measuring */
        quiet = 1;
        break;
    case 11: /* instructions of a known piece of work, where an instruction is a cycle */
    {
        uint32_t ticking = SYST_CSR;
        SYST_CSR = quiet ? 0 : ticking;
        TIM2_PSC = 0;
        TIM2_EGR = 1;
        uint32_t start = TIM2_CNT;
        uint32_t sum = work(20000);
        say_number(TIM2_CNT - start);
        say_number(sum);
        SYST_CSR = ticking;
        break;
    }
    case 13:
        say_number(flags_over_a_jump(30000));
        break;
    default:
        odl_board_write(&command, 1);
    }
}

int main(void)
{
    uint8_t bytes[32];

    board_start();
    say("up");
    for (;;) {
        size_t n = board_uart_read(bytes, sizeof bytes);
        for (size_t i = 0; i < n; i++)
            obey(bytes[i]);
        board_idle();
    }
}
