#pragma once
#include <esp_err.h>
#include <stdint.h>
typedef enum { GPIO_NUM_0 = 0, GPIO_NUM_2 = 2, GPIO_NUM_21 = 21, GPIO_NUM_22 = 22 } gpio_num_t;
typedef enum { GPIO_MODE_INPUT = 1, GPIO_MODE_OUTPUT = 2 } gpio_mode_t;
typedef enum { GPIO_PULLUP_ONLY } gpio_pull_mode_t;
#define GPIO_PULLUP_ENABLE 1
esp_err_t gpio_set_direction(gpio_num_t gpio_num, gpio_mode_t mode);
esp_err_t gpio_set_pull_mode(gpio_num_t gpio_num, gpio_pull_mode_t pull);
esp_err_t gpio_set_level(gpio_num_t gpio_num, uint32_t level);
int gpio_get_level(gpio_num_t gpio_num);
