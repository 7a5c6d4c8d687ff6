#pragma once
#include <driver/gpio.h>
#include <freertos/FreeRTOS.h>
#include <stdbool.h>
#include <stddef.h>
typedef int i2c_port_t;
#define I2C_NUM_0 0
typedef enum { I2C_MODE_SLAVE, I2C_MODE_MASTER } i2c_mode_t;
typedef struct {
    i2c_mode_t mode;
    int sda_io_num, scl_io_num;
    bool sda_pullup_en, scl_pullup_en;
    union {
        struct { uint32_t clk_speed; } master;
    };
    uint32_t clk_flags;
} i2c_config_t;
esp_err_t i2c_param_config(i2c_port_t port, const i2c_config_t *config);
esp_err_t i2c_driver_install(i2c_port_t port, i2c_mode_t mode, size_t rx, size_t tx, int flags);
esp_err_t i2c_master_write_to_device(i2c_port_t port, uint8_t address, const uint8_t *bytes, size_t n, TickType_t wait);
esp_err_t i2c_master_write_read_device(i2c_port_t port, uint8_t address, const uint8_t *bytes, size_t n, uint8_t *to,
                                       size_t room, TickType_t wait);
