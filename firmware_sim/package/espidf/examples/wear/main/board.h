/* Everything that depends on your board. EDIT THIS FILE, and no other. */
#ifndef BOARD_H
#define BOARD_H

#include <stdio.h>

#include <driver/gpio.h>
#include <driver/i2c.h>
#include <driver/uart.h>
#include <esp_timer.h>
#include <nvs.h>
#include <nvs_flash.h>

#include <odl_wear.h>

/* 1. The sensor: an MPU-6050 on I2C, 4 g and 2000 degrees a second. */
#define I2C_SDA GPIO_NUM_21
#define I2C_SCL GPIO_NUM_22
#define IMU_ADDRESS 0x68

/* 2. The button, which connects its pin to ground, and the light that shows a question. */
#define BUTTON_PIN GPIO_NUM_0
#define LIGHT_PIN GPIO_NUM_2

/* 3. The line to the host. */
#define LINE UART_NUM_0
#define LINE_SPEED 115200

/* 4. Where labels outlive a power cut: the partition "labels" of partitions.csv, for @STORE@ bytes. */
#define STORE_PARTITION "labels"
static nvs_handle_t store;
static int has_store;

static uint32_t board_micros(void)
{
    return (uint32_t)esp_timer_get_time();
}

static void board_write(const uint8_t *bytes, size_t n)
{
    uart_write_bytes(LINE, bytes, n);
}

static size_t board_read(uint8_t *bytes, size_t room)
{
    int n = uart_read_bytes(LINE, bytes, (uint32_t)room, 0);

    return n > 0 ? (size_t)n : 0;
}

static int imu_set(uint8_t reg, uint8_t value)
{
    uint8_t both[2] = {reg, value};

    return i2c_master_write_to_device(I2C_NUM_0, IMU_ADDRESS, both, sizeof both, pdMS_TO_TICKS(10)) == ESP_OK;
}

/* The model's channels, in its units, from g and degrees a second. */
static int board_sample(float *values)
{
    uint8_t reg = 0x3B, raw[14]; /* acceleration, temperature, rotation, big-endian */
    float a[3], w[3];

    if (i2c_master_write_read_device(I2C_NUM_0, IMU_ADDRESS, &reg, 1, raw, sizeof raw, pdMS_TO_TICKS(10)) != ESP_OK)
        return -1;
    for (int i = 0; i < 3; i++) {
        a[i] = (int16_t)(raw[2 * i] << 8 | raw[2 * i + 1]) / 8192.0f;
        w[i] = (int16_t)(raw[8 + 2 * i] << 8 | raw[9 + 2 * i]) / 16.4f;
    }
@SAMPLE@
    (void)a, (void)w;
    return 0;
}

static int board_button(void)
{
    return gpio_get_level(BUTTON_PIN) == 0;
}

static void board_light(int on)
{
    gpio_set_level(LIGHT_PIN, on != 0);
}

static int board_store_read(uint32_t offset, void *bytes, size_t n)
{
    char key[12];
    size_t size = n;

    snprintf(key, sizeof key, "%u", (unsigned)offset);
    return has_store && nvs_get_blob(store, key, bytes, &size) == ESP_OK && size == n ? 0 : -1;
}

static int board_store_write(uint32_t offset, const void *bytes, size_t n)
{
    char key[12];

    snprintf(key, sizeof key, "%u", (unsigned)offset);
    return has_store && nvs_set_blob(store, key, bytes, n) == ESP_OK && nvs_commit(store) == ESP_OK ? 0 : -1;
}

static const odl_wear_board board = {
    {"espidf", board_micros, board_write, board_store_read, board_store_write, 0},
    board_sample, board_read, board_button, board_light,
};

static void board_start(void)
{
    const uart_config_t speed = {
        .baud_rate = LINE_SPEED, .data_bits = UART_DATA_8_BITS, .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1, .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
    };
    const i2c_config_t bus = {
        .mode = I2C_MODE_MASTER, .sda_io_num = I2C_SDA, .scl_io_num = I2C_SCL,
        .sda_pullup_en = GPIO_PULLUP_ENABLE, .scl_pullup_en = GPIO_PULLUP_ENABLE, .master.clk_speed = 400000,
    };

    uart_driver_install(LINE, 1024, 1024, 0, NULL, 0);
    uart_param_config(LINE, &speed);
    gpio_set_direction(BUTTON_PIN, GPIO_MODE_INPUT);
    gpio_set_pull_mode(BUTTON_PIN, GPIO_PULLUP_ONLY);
    gpio_set_direction(LIGHT_PIN, GPIO_MODE_OUTPUT);
    i2c_param_config(I2C_NUM_0, &bus);
    i2c_driver_install(I2C_NUM_0, I2C_MODE_MASTER, 0, 0, 0);
    imu_set(0x6B, 0x01); /* awake, on the gyroscope's clock */
    imu_set(0x1C, 0x08); /* 4 g */
    imu_set(0x1B, 0x18); /* 2000 degrees a second */
    has_store = nvs_flash_init_partition(STORE_PARTITION) == ESP_OK &&
                nvs_open_from_partition(STORE_PARTITION, "odl", NVS_READWRITE, &store) == ESP_OK;
}

#endif
