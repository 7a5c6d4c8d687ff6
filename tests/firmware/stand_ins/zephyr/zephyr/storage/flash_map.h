#pragma once
#include <zephyr/device.h>
#define FIXED_PARTITION_DEVICE(label) (&stand_in_device)
#define FIXED_PARTITION_OFFSET(label) 0x70000
#define FIXED_PARTITION_SIZE(label) 0x10000
