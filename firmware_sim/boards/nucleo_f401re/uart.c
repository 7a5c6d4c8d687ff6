/* USART2, the ST-LINK's virtual serial port: 115200 baud, 8 bits, no parity, a ring each way.

   One writer and one reader per ring: the interrupt owns one end, the main program the other,
   so no interrupt is ever masked for long. The bytes are volatile like the places: a compiler may
   move other accesses past those, and a byte has to be there before its place is given away. */
#include "board.h"
#include "registers.h"

void board_uart_interrupt(void);

static volatile uint8_t received[BOARD_RECEIVE_RING], sending[BOARD_TRANSMIT_RING];
static volatile uint32_t received_in, received_out, sending_in, sending_out, lost;

void board_uart_start(uint32_t apb1_hz)
{
    RCC_AHB1ENR |= 1u; /* port A: PA2 transmits, PA3 receives, both alternate function 7 */
    RCC_APB1ENR |= APB1_USART2;
    AFTER_CLOCK_ON();
    GPIO_AFRL(GPIO_A) = (GPIO_AFRL(GPIO_A) & ~0xFF00u) | 0x7700u;
    GPIO_MODER(GPIO_A) = (GPIO_MODER(GPIO_A) & ~0xF0u) | 0xA0u;
    GPIO_PUPDR(GPIO_A) = (GPIO_PUPDR(GPIO_A) & ~0xC0u) | 0x40u; /* an open line reads idle */
    USART2_BRR = (apb1_hz + 57600u) / 115200u;
    USART2_CR1 = CR1_ENABLE | CR1_RECEIVE | CR1_TRANSMIT | CR1_ON_RECEIVED;
    NVIC_ISER(USART2_IRQ / 32u) = 1u << (USART2_IRQ % 32u);
}

static void send_next(void)
{
    USART2_DR = sending[sending_out % BOARD_TRANSMIT_RING];
    sending_out++;
}

void board_uart_interrupt(void)
{
    uint32_t status;

    while ((status = USART2_SR) & (SR_RECEIVED | SR_OVERRUN)) {
        uint8_t byte = (uint8_t)USART2_DR; /* reading status, then data, clears an overrun */

        lost += (status & SR_OVERRUN) != 0;
        if (!(status & SR_RECEIVED))
            continue;
        if (received_in - received_out < BOARD_RECEIVE_RING) {
            received[received_in % BOARD_RECEIVE_RING] = byte;
            received_in++;
        } else {
            lost++;
        }
    }
    if ((USART2_CR1 & CR1_ON_SENDABLE) && (status & SR_SENDABLE)) {
        if (sending_out != sending_in)
            send_next();
        if (sending_out == sending_in)
            USART2_CR1 &= ~CR1_ON_SENDABLE;
    }
}

size_t board_uart_waiting(void)
{
    return received_in - received_out;
}

size_t board_uart_read(uint8_t *bytes, size_t room)
{
    size_t n = 0;

    while (n < room && received_out != received_in) {
        bytes[n++] = received[received_out % BOARD_RECEIVE_RING];
        received_out++;
    }
    return n;
}

uint32_t board_uart_lost(void)
{
    return lost;
}

uint32_t odl_board_missed(void)
{
    return lost;
}

/* Sends what the line takes at once and leaves the rest to the interrupt. A line without the
   transmit interrupt (QEMU before 8) always takes all, so it is never needed there. */
static void send_waiting(void)
{
    USART2_CR1 &= ~CR1_ON_SENDABLE;
    while (sending_out != sending_in && (USART2_SR & SR_SENDABLE))
        send_next();
    if (sending_out != sending_in)
        USART2_CR1 |= CR1_ON_SENDABLE;
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
