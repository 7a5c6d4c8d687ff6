/* ST's LSM6DSO (accelerometer and gyroscope) on an X-NUCLEO-IKS01A3 shield: 52 Hz, +-4 g,
   +-2000 degrees a second. A sample is the accelerometer's axes, then the gyroscope's.

   Register numbers from ST's data sheet DS12140. */
#include "board.h"
#include "odl.h"

#define DEVICE 0x6Bu

enum {
    WHO_AM_I = 0x0F,
    CTRL1_XL = 0x10,
    CTRL2_G = 0x11,
    CTRL3_C = 0x12,
    STATUS = 0x1E,
    OUT_GYRO = 0x22, /* six bytes, then six of the accelerometer */
    NAME = 0x6C,
    READY = 0x03,      /* both sensors have new values */
    ODR_52 = 0x30,
    SCALE_4_G = 0x08,
    SCALE_2000_DPS = 0x0C,
    WHOLE = 0x44,      /* values of one sample stay together; addresses count on */
    POLL = 2000,       /* microseconds between two looks at the status */
};

_Static_assert(ODL_CHANNELS <= 6, "the LSM6DSO has six axes");

static int there;
static uint32_t looked_at;

int board_sensor_start(void)
{
    uint8_t name[2];

    board_i2c_start(board_clock_of_apb1());
    there = board_i2c_read(DEVICE, WHO_AM_I, name, sizeof name) && name[0] == NAME &&
            board_i2c_write(DEVICE, CTRL3_C, WHOLE) &&
            board_i2c_write(DEVICE, CTRL1_XL, ODR_52 | SCALE_4_G) &&
            board_i2c_write(DEVICE, CTRL2_G, ODR_52 | SCALE_2000_DPS);
    looked_at = board_micros();
    return there;
}

int odl_sensor_read(int16_t *sample)
{
    uint8_t bytes[12];

    if (!there || board_micros() - looked_at < POLL)
        return 0;
    looked_at = board_micros();
    if (!board_i2c_read(DEVICE, STATUS, bytes, 2) || (bytes[0] & READY) != READY)
        return 0;
    if (!board_i2c_read(DEVICE, OUT_GYRO, bytes, sizeof bytes))
        return 0;
    for (unsigned i = 0; i < ODL_CHANNELS; i++) {
        unsigned at = 2 * (i < 3 ? i + 3 : i - 3);
        sample[i] = (int16_t)(uint16_t)(bytes[at] | bytes[at + 1] << 8);
    }
    return 1;
}
