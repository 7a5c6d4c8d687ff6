/* UART 0, to the board's debugger, which is a virtual serial port. */
#include "board.h"
#include "registers.h"

enum { TX = 6, RX = 8 }; /* pins of port 0 */

static volatile uint8_t on_line; /* a byte was given to the line, and TXDRDY says when it has gone */

void board_uart_start(void)
{
    P0_OUTSET = 1u << TX; /* an idle line is high */
    P0_PIN_CNF(TX) = PIN_OUTPUT;
    P0_PIN_CNF(RX) = PIN_INPUT_PULLED_UP;
    UART_PSELTXD = TX;
    UART_PSELRXD = RX;
    UART_BAUDRATE = UART_115200;
    UART_ENABLE = UART_ENABLED;
    UART_STARTRX = 1;
    UART_STARTTX = 1;
    UART_INTENSET = UART_ON_RXDRDY | UART_ON_ERROR;
    NVIC_ISER(0) = 1u << UART_IRQ;
}

/* The event is cleared before the byte is read: the next one may come right after that. */
void board_uart_interrupt(void)
{
    while (UART_RXDRDY) {
        UART_RXDRDY = 0;
        board_line_take((uint8_t)UART_RXD);
    }
    if (UART_ERROR) {
        uint32_t source = UART_ERRORSRC;

        UART_ERROR = 0;
        UART_ERRORSRC = source; /* written ones clear */
        if (source & UART_OVERRUN)
            board_line_lose();
    }
    if ((UART_INTENSET & UART_ON_TXDRDY) && UART_TXDRDY)
        board_line_send_next();
}

int board_uart_sendable(void)
{
    return !on_line || UART_TXDRDY;
}

void board_uart_send(uint8_t byte)
{
    UART_TXDRDY = 0;
    on_line = 1;
    UART_TXD = byte;
}

void board_uart_notify(int on)
{
    if (on)
        UART_INTENSET = UART_ON_TXDRDY;
    else
        UART_INTENCLR = UART_ON_TXDRDY;
}
