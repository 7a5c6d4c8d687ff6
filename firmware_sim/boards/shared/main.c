/* The firmware: the session, its link, and whatever sensor the build chose. */
#include "board.h"
#include "odl.h"

enum {
    BATCH = 10,    /* samples that go to the host together */
    LATE = 250000, /* but at the latest after so many microseconds */
    LATER = 30000000, /* the LED stays dark for so long when somebody wants to be asked later */
};

extern const char odl_description[];

static odl_session session;
static odl_link link;
static int16_t samples[BATCH][ODL_CHANNELS];
static uint32_t n_samples, first_at, dark_since;
static uint8_t dark;

void odl_emit(const odl_event *event)
{
    odl_link_event(&link, event);
}

const char *odl_board_version(void)
{
    return ODL_BOARD_VERSION;
}

const char *odl_board_description(void)
{
    return odl_description;
}

void odl_board_begin(void)
{
    n_samples = 0;
    dark = 0;
    board_sensor_empty();
}

static void listen(void)
{
    uint8_t bytes[64];
    size_t n = board_line_read(bytes, sizeof bytes);

    odl_link_receive(&link, bytes, n);
}

/* The host is sent samples before what came of them, which is the order of a recording. */
static void hand_over(void)
{
    odl_link_samples(&link, session.state.position, samples[0], n_samples);
    odl_samples(&session, samples[0], n_samples);
    n_samples = 0;
}

/* Samples are missing before the one that was read last. */
static void lose(uint32_t lost)
{
    uint32_t last = n_samples;

    if (last > 0) {
        hand_over();
        for (uint32_t i = 0; i < ODL_CHANNELS; i++)
            samples[0][i] = samples[last][i];
    }
    odl_link_gap(&link, lost, "the sensor's memory was full");
}

static void sense(void)
{
    if (!link.configured)
        n_samples = 0; /* of a session that has ended */
    while (odl_sensor_read(samples[n_samples])) {
        uint32_t lost = board_sensor_lost();

        if (!link.configured)
            continue;
        if (lost > 0)
            lose(lost);
        if (n_samples++ == 0)
            first_at = odl_board_micros();
        if (n_samples == BATCH)
            hand_over();
    }
    if (n_samples > 0 && odl_board_micros() - first_at >= LATE)
        hand_over();
}

/* One press agrees with what the heads say of the question that has waited longest, two presses
   put it off, three take the last answer back; with a long one a person wants to say what is done now. */
static void press(uint32_t now)
{
    int held, presses = board_button_pattern(&held);

    if (presses == 0 || !link.configured)
        return;
    if (held) {
        odl_link_held(&link);
    } else if (presses == 1) {
        odl_link_agree(&link);
    } else if (presses == 2) {
        dark = 1;
        dark_since = now;
    } else if (presses == 3) {
        odl_link_undo(&link);
    }
}

static void show(uint32_t now)
{
    dark = dark && now - dark_since < LATER;
    board_led(link.configured && !dark && odl_oldest_question(&session.state) >= 0);
}

int main(void)
{
    board_start();
    if (board_slots_open(&session) != ODL_IMAGE_FINE) {
        /* Nothing to run: a quick blink, for whoever looks. */
        for (;;) {
            board_led((odl_board_micros() >> 17 & 1) != 0);
            board_idle();
        }
    }
    odl_link_begin(&link, &session, board_log_open(session.net.checksum));
    board_sensor_start();
    for (;;) {
        listen();
        board_slots_settle();
        sense();
        uint32_t now = odl_board_micros();
        press(now);
        odl_link_tick(&link, now);
        show(now);
        board_idle();
    }
}
