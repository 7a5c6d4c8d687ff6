/* USART2, the ST-LINK's virtual serial port. */
#include "board.h"
#include "registers.h"

void board_uart_start(void)
{
    RCC_AHB1ENR |= 1u; /* port A: PA2 transmits, PA3 receives, both alternate function 7 */
    RCC_APB1ENR |= APB1_USART2;
    AFTER_CLOCK_ON();
    GPIO_AFRL(GPIO_A) = (GPIO_AFRL(GPIO_A) & ~0xFF00u) | 0x7700u;
    GPIO_MODER(GPIO_A) = (GPIO_MODER(GPIO_A) & ~0xF0u) | 0xA0u;
    GPIO_PUPDR(GPIO_A) = (GPIO_PUPDR(GPIO_A) & ~0xC0u) | 0x40u; /* an open line reads idle */
    USART2_BRR = (board_clock_of_apb1() + 57600u) / 115200u;
    USART2_CR1 = CR1_ENABLE | CR1_RECEIVE | CR1_TRANSMIT | CR1_ON_RECEIVED;
    NVIC_ISER(USART2_IRQ / 32u) = 1u << (USART2_IRQ % 32u);
}

void board_uart_interrupt(void)
{
    uint32_t status;

    while ((status = USART2_SR) & (SR_RECEIVED | SR_OVERRUN)) {
        uint8_t byte = (uint8_t)USART2_DR; /* reading status, then data, clears an overrun */

        if (status & SR_OVERRUN)
            board_line_lose();
        if (status & SR_RECEIVED)
            board_line_take(byte);
    }
    if ((USART2_CR1 & CR1_ON_SENDABLE) && (status & SR_SENDABLE))
        board_line_send_next();
}

int board_uart_sendable(void)
{
    return (USART2_SR & SR_SENDABLE) != 0;
}

void board_uart_send(uint8_t byte)
{
    USART2_DR = byte;
}

void board_uart_notify(int on)
{
    USART2_CR1 = on ? USART2_CR1 | CR1_ON_SENDABLE : USART2_CR1 & ~CR1_ON_SENDABLE;
}
