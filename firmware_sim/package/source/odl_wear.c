/* One press agrees with what the heads say of the oldest open question, two put it off for 30 seconds, three
   take the newest answer back; of a long press the host hears, which then asks what is done now. */
#include "odl_wear.h"

enum { SETTLE = 20000, LONG = 800000, PAUSE = 500000, LATER = 30000000, AHEAD = 1 << 28 }; /* microseconds */

static const odl_wear_board *board;
static uint32_t next_at, rest; /* when the next sample is due: microseconds, and parts of one */
static uint32_t missing;       /* samples since the last one */
static uint32_t changed_at, pressed_at, dark_at;
static uint8_t level, down, released, presses, held, dark;

static void advance(void)
{
    rest += 1000000000u % ODL_MODEL_RATE_MHZ;
    next_at += 1000000000u / ODL_MODEL_RATE_MHZ;
    if (rest >= ODL_MODEL_RATE_MHZ) {
        rest -= ODL_MODEL_RATE_MHZ;
        next_at++;
    }
}

/* A clock that wraps around tells a late sample from an early one up to a limit: a board can sleep for 67 minutes, and a
   clock that is set back makes it wait for less than 5. */
static int is_due(uint32_t now)
{
    return now - next_at < (uint32_t)0 - AHEAD;
}

static void sense(uint32_t now)
{
    float values[ODL_MODEL_CHANNELS];
    int16_t counts[ODL_MODEL_CHANNELS];

    if (board->sample == NULL || !is_due(now))
        return;
    advance();
    while (is_due(now)) { /* too late for the one that was due */
        advance();
        missing++;
    }
    if (board->sample(values) != 0) {
        missing++;
        return;
    }
    odl_device_lost(missing);
    missing = 0;
    for (unsigned i = 0; i < ODL_MODEL_CHANNELS; i++)
        counts[i] = odl_device_count(i, values[i]);
    odl_device_push(counts);
}

static void finish(uint32_t now, int long_press)
{
    unsigned n = presses;

    presses = 0;
    if (long_press)
        odl_device_held();
    else if (n == 1)
        odl_device_answer(ODL_DEVICE_AGREE);
    else if (n == 2) {
        dark = 1;
        dark_at = now;
    } else if (n == 3)
        odl_device_undo();
}

static void press(uint32_t now)
{
    uint8_t raw = board->button != NULL && board->button() != 0;

    if (raw != level) {
        level = raw;
        changed_at = now;
    }
    if (level != down && now - changed_at >= SETTLE) {
        down = level;
        pressed_at = now;
        if (down && released) /* a pin that always reads pressed is none */
            presses++;
        if (!down) {
            released = 1;
            held = 0;
        }
    }
    if (presses == 0)
        return;
    if (down && !held && now - pressed_at >= LONG) {
        held = 1;
        finish(now, 1);
    } else if (!down && now - pressed_at >= PAUSE) {
        finish(now, 0);
    }
}

static void listen(void)
{
    uint8_t bytes[64];
    size_t n = board->read == NULL ? 0 : board->read(bytes, sizeof bytes);

    odl_device_receive(bytes, n);
}

int odl_wear_start(const odl_wear_board *of)
{
    int wrong = odl_device_init(of == NULL ? NULL : &of->device);

    board = wrong == 0 ? of : NULL;
    if (board == NULL)
        return wrong;
    next_at = board->device.micros();
    rest = missing = 0;
    level = down = 1; /* counts from the first time that it was seen released */
    released = presses = held = dark = 0;
    changed_at = next_at;
    return 0;
}

void odl_wear_step(void)
{
    odl_device_event event;
    uint32_t now;

    if (board == NULL)
        return;
    now = board->device.micros();
    listen();
    sense(now);
    press(now);
    while (odl_device_poll(&event)) /* the light and the host show what there is; take here what else you need */
        continue;
    odl_device_tick();
    odl_device_save();
    dark = dark && now - dark_at < LATER;
    if (board->light != NULL)
        board->light(!dark && odl_device_question() >= 0);
}
