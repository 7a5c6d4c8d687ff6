#pragma once
#include <esp_err.h>
#include <freertos/FreeRTOS.h>
#include <stddef.h>
#include <stdint.h>
typedef int uart_port_t;
#define UART_NUM_0 0
enum { UART_DATA_8_BITS, UART_PARITY_DISABLE, UART_STOP_BITS_1, UART_HW_FLOWCTRL_DISABLE };
typedef struct { int baud_rate, data_bits, parity, stop_bits, flow_ctrl; uint8_t rx_flow_ctrl_thresh; } uart_config_t;
esp_err_t uart_driver_install(uart_port_t port, int rx, int tx, int queue, void *handle, int flags);
esp_err_t uart_param_config(uart_port_t port, const uart_config_t *config);
int uart_write_bytes(uart_port_t port, const void *bytes, size_t n);
int uart_read_bytes(uart_port_t port, void *bytes, uint32_t room, TickType_t wait);
