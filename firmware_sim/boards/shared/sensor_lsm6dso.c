/* ST's LSM6DSO (accelerometer and gyroscope) on the board's I2C bus, as on an X-NUCLEO-IKS01A3: 52 Hz, +-4 g,
   +-2000 degrees a second. A sample is the accelerometer's axes, then the gyroscope's.

   Its FIFO keeps 256 samples, almost 5 s, so none is lost while the processor learns or erases.
   Register numbers and the FIFO's format are from ST's data sheet DS12140. */
#include <string.h>

#include "board.h"
#include "odl.h"

#define DEVICE 0x6Bu

#ifndef ODL_SENSOR_RATE_MHZ
#define ODL_SENSOR_RATE_MHZ 52000u
#endif

enum {
    WHO_AM_I = 0x0F,
    FIFO_CTRL3 = 0x09,
    FIFO_CTRL4 = 0x0A,
    CTRL1_XL = 0x10,
    CTRL2_G = 0x11,
    CTRL3_C = 0x12,
    FIFO_STATUS1 = 0x3A,
    FIFO_OUT = 0x78, /* a tag and three values; a burst goes on with the next word */
    NAME = 0x6C,
    ODR_52 = 0x30,
    SCALE_4_G = 0x08,
    SCALE_2000_DPS = 0x0C,
    WHOLE = 0x44,        /* values of one sample stay together; addresses count on */
    BOTH_AT_52 = 0x33,   /* into the FIFO */
    OVERWRITE_OLDEST = 6,
    OVERRUN = 8, /* in the second status byte, until it is read */
    TAG_GYRO = 1,
    TAG_ACCEL = 2,
    WORD = 7,
    POLL = 50000, /* microseconds between two looks at how much the FIFO holds */
    BOOT = 15000, /* microseconds; the sensor needs 10 ms from power on, we need less */
    TRIES = 3,
};

_Static_assert(ODL_CHANNELS <= 6, "the LSM6DSO has six axes");

static int there;
static uint32_t looked_at, counted_at, words, lost;

/* Empties the FIFO and lets it run. */
static int run_fifo(void)
{
    looked_at = counted_at = odl_board_micros();
    words = lost = 0;
    return board_i2c_write(DEVICE, FIFO_CTRL4, 0) && board_i2c_write(DEVICE, FIFO_CTRL4, OVERWRITE_OLDEST);
}

static int set_up(void)
{
    uint8_t name[2];

    return board_i2c_read(DEVICE, WHO_AM_I, name, sizeof name) && name[0] == NAME &&
           board_i2c_write(DEVICE, CTRL3_C, WHOLE) &&
           board_i2c_write(DEVICE, CTRL1_XL, ODR_52 | SCALE_4_G) &&
           board_i2c_write(DEVICE, CTRL2_G, ODR_52 | SCALE_2000_DPS) &&
           board_i2c_write(DEVICE, FIFO_CTRL3, BOTH_AT_52) && run_fifo();
}

int board_sensor_start(void)
{
    there = 0;
    for (int i = 0; i < TRIES && !there; i++) {
        if (i > 0)
            board_wait(BOOT);
        board_i2c_start();
        there = set_up();
    }
    return there;
}

/* Whether it is as it was set up; after a break of its power it is not. */
static int running(void)
{
    uint8_t now[2];

    return there && board_i2c_read(DEVICE, CTRL1_XL, now, sizeof now) && now[0] == (ODR_52 | SCALE_4_G) &&
           now[1] == (ODR_52 | SCALE_2000_DPS);
}

/* A session begins: the moment to look for a sensor that was not there, or is no longer set up. */
void board_sensor_empty(void)
{
    if (!running() || !run_fifo())
        board_sensor_start();
}

/* A full FIFO does not say how many samples it dropped: what the sensor has made since the last
   look, by its nominal rate, less what is there. */
static void look(void)
{
    uint8_t status[2];
    uint32_t now = odl_board_micros(), left = words;

    looked_at = now;
    if (!board_i2c_read(DEVICE, FIFO_STATUS1, status, sizeof status))
        return;
    words = status[0] | (status[1] & 3u) << 8;
    if (status[1] & OVERRUN) {
        uint32_t made = (uint32_t)((uint64_t)(now - counted_at) * ODL_SENSOR_RATE_MHZ / 1000000000u);
        uint32_t more = (words - left) / 2;
        lost += made > more ? made - more : 1;
    }
    counted_at = now;
}

uint32_t board_sensor_lost(void)
{
    uint32_t n = lost;

    lost = 0;
    return n;
}

/* `n` words from the FIFO, none if the bus broke off. */
static int take(uint8_t *bytes, uint32_t n)
{
    if (!board_i2c_read(DEVICE, FIFO_OUT, bytes, n * WORD)) {
        words = 0;
        return 0;
    }
    words -= n;
    return 1;
}

/* The gyroscope's word comes before the accelerometer's of the same moment. Where a full FIFO
   dropped one of the two, the odd one is passed over. */
int odl_sensor_read(int16_t *sample)
{
    uint8_t bytes[2 * WORD];

    if (there && words < 2 && odl_board_micros() - looked_at >= POLL)
        look();
    if (words < 2 || !take(bytes, 2))
        return 0;
    if (bytes[0] >> 3 == TAG_ACCEL && bytes[WORD] >> 3 == TAG_GYRO && words > 0) {
        lost += lost == 0; /* else it has been counted among those that the FIFO dropped */
        memcpy(bytes, bytes + WORD, WORD);
        if (!take(bytes + WORD, 1))
            return 0;
    }
    if (bytes[0] >> 3 != TAG_GYRO || bytes[WORD] >> 3 != TAG_ACCEL)
        return 0;
    for (unsigned i = 0; i < ODL_CHANNELS; i++) {
        unsigned at = i < 3 ? WORD + 1 + 2 * i : 1 + 2 * (i - 3);
        sample[i] = (int16_t)(uint16_t)(bytes[at] | bytes[at + 1] << 8);
    }
    return 1;
}
