/* Everything that depends on your board. EDIT THIS FILE, and no other (its nodes stand in the board's
   device tree: aliases led0 and sw0, the chosen console's UART, the partition storage_partition). */
#ifndef BOARD_H
#define BOARD_H

#include <zephyr/device.h>
#include <zephyr/drivers/flash.h>
#include <zephyr/drivers/gpio.h>
#include <zephyr/drivers/sensor.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/fs/nvs.h>
#include <zephyr/kernel.h>
#include <zephyr/storage/flash_map.h>

#include <odl_wear.h>

/* 1. The sensor: any accelerometer and gyroscope with a driver. */
static const struct device *const imu = DEVICE_DT_GET_ONE(st_lsm6dsl);

/* 2. The button, and the light that shows a question. */
static const struct gpio_dt_spec button = GPIO_DT_SPEC_GET(DT_ALIAS(sw0), gpios);
static const struct gpio_dt_spec light = GPIO_DT_SPEC_GET(DT_ALIAS(led0), gpios);

/* 3. The line to the host. */
static const struct device *const line = DEVICE_DT_GET(DT_CHOSEN(zephyr_console));

/* 4. Where labels outlive a power cut: @STORE@ bytes in pieces of up to @PIECE@. */
#define STORE_PARTITION storage_partition
static struct nvs_fs store;
static int has_store;

static uint32_t board_micros(void)
{
	return (uint32_t)k_ticks_to_us_floor64(k_uptime_ticks());
}

static void board_write(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		uart_poll_out(line, bytes[i]);
}

static size_t board_read(uint8_t *bytes, size_t room)
{
	size_t n = 0;

	while (n < room && uart_poll_in(line, &bytes[n]) == 0)
		n++;
	return n;
}

/* The model's channels, in its units, from g and degrees a second. */
static int board_sample(float *values)
{
	struct sensor_value raw[3];
	float a[3], w[3];

	if (sensor_sample_fetch(imu) != 0 || sensor_channel_get(imu, SENSOR_CHAN_ACCEL_XYZ, raw) != 0)
		return -1;
	for (int i = 0; i < 3; i++)
		a[i] = ((float)raw[i].val1 + (float)raw[i].val2 * 1e-6f) / 9.80665f;
	if (sensor_channel_get(imu, SENSOR_CHAN_GYRO_XYZ, raw) != 0)
		return -1;
	for (int i = 0; i < 3; i++)
		w[i] = ((float)raw[i].val1 + (float)raw[i].val2 * 1e-6f) * 57.29578f;
@SAMPLE@
	(void)a, (void)w;
	return 0;
}

static int board_button(void)
{
	return gpio_pin_get_dt(&button) > 0;
}

static void board_light(int on)
{
	gpio_pin_set_dt(&light, on);
}

static int board_store_read(uint32_t offset, void *bytes, size_t n)
{
	return has_store && nvs_read(&store, (uint16_t)(1 + offset / 8), bytes, n) == (ssize_t)n ? 0 : -1;
}

static int board_store_write(uint32_t offset, const void *bytes, size_t n)
{
	ssize_t written = has_store ? nvs_write(&store, (uint16_t)(1 + offset / 8), bytes, n) : -1;

	return written == (ssize_t)n || written == 0 ? 0 : -1; /* 0: it was there already */
}

static const odl_wear_board board = {
	{"zephyr", board_micros, board_write, board_store_read, board_store_write, 0},
	board_sample, board_read, board_button, board_light,
};

static void board_start(void)
{
	struct flash_pages_info info;

	gpio_pin_configure_dt(&button, GPIO_INPUT);
	gpio_pin_configure_dt(&light, GPIO_OUTPUT_INACTIVE);
	store.flash_device = FIXED_PARTITION_DEVICE(STORE_PARTITION);
	store.offset = FIXED_PARTITION_OFFSET(STORE_PARTITION);
	if (flash_get_page_info_by_offs(store.flash_device, store.offset, &info) != 0)
		return;
	store.sector_size = (uint16_t)info.size;
	store.sector_count = (uint16_t)(FIXED_PARTITION_SIZE(STORE_PARTITION) / info.size);
	has_store = nvs_mount(&store) == 0;
}

#endif
