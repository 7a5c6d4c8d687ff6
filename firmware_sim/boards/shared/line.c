/* The serial line to the host: a ring each way.

   One writer and one reader per ring: the interrupt owns one end, the main program the other,
   so no interrupt is ever masked for long. The bytes are volatile like the places: a compiler may
   move other accesses past those, and a byte has to be there before its place is given away. */
#include "board.h"

static volatile uint8_t received[BOARD_RECEIVE_RING], sending[BOARD_TRANSMIT_RING];
static volatile uint32_t received_in, received_out, sending_in, sending_out, lost;

void board_line_lose(void)
{
    lost++;
}

void board_line_take(uint8_t byte)
{
    if (received_in - received_out < BOARD_RECEIVE_RING) {
        received[received_in % BOARD_RECEIVE_RING] = byte;
        received_in++;
    } else {
        lost++;
    }
}

static void send_one(void)
{
    board_uart_send(sending[sending_out % BOARD_TRANSMIT_RING]);
    sending_out++;
}

void board_line_send_next(void)
{
    if (sending_out != sending_in)
        send_one();
    if (sending_out == sending_in)
        board_uart_notify(0);
}

size_t board_line_waiting(void)
{
    return received_in - received_out;
}

size_t board_line_read(uint8_t *bytes, size_t room)
{
    size_t n = 0;

    while (n < room && received_out != received_in) {
        bytes[n++] = received[received_out % BOARD_RECEIVE_RING];
        received_out++;
    }
    return n;
}

uint32_t odl_board_missed(void)
{
    return lost;
}

/* Sends what the line takes at once and leaves the rest to the interrupt. A line without the
   transmit interrupt (QEMU before 8) always takes all, so it is never needed there. */
static void send_waiting(void)
{
    board_uart_notify(0);
    while (sending_out != sending_in && board_uart_sendable())
        send_one();
    if (sending_out != sending_in)
        board_uart_notify(1);
}

/* Waits where the ring is full: the line empties it at 11 bytes a millisecond, and each of them
   wakes the processor. */
void odl_board_write(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        while (sending_in - sending_out >= BOARD_TRANSMIT_RING) {
            send_waiting();
            board_watchdog_feed(); /* a long answer takes seconds */
            if (sending_in - sending_out >= BOARD_TRANSMIT_RING)
                __asm__ volatile("wfi" ::: "memory");
        }
        sending[sending_in % BOARD_TRANSMIT_RING] = bytes[i];
        sending_in++;
    }
    send_waiting();
}
