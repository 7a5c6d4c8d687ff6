#pragma once
#include <zephyr/device.h>
#include <stdint.h>
struct gpio_dt_spec { const struct device *port; uint8_t pin; uint16_t dt_flags; };
#define GPIO_DT_SPEC_GET(node, property) {&stand_in_device, 0, 0}
typedef uint32_t gpio_flags_t;
#define GPIO_INPUT (1u << 16)
#define GPIO_OUTPUT_INACTIVE (1u << 17)
int gpio_pin_configure_dt(const struct gpio_dt_spec *spec, gpio_flags_t flags);
int gpio_pin_get_dt(const struct gpio_dt_spec *spec);
int gpio_pin_set_dt(const struct gpio_dt_spec *spec, int value);
