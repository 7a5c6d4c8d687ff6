/* The firmware: the session, its link, and whatever sensor the build chose. */
#include "board.h"
#include "odl.h"

enum { BATCH = 10, LATE = 250000 }; /* samples that go to the host together; microseconds */

static odl_session session;
static odl_link link;
static int16_t samples[BATCH][ODL_CHANNELS];
static uint32_t n_samples, first_at;

void odl_emit(const odl_event *event)
{
    odl_link_event(&link, event);
}

const char *odl_board_version(void)
{
    return ODL_BOARD_VERSION;
}

static void listen(void)
{
    uint8_t bytes[64];
    size_t n = board_uart_read(bytes, sizeof bytes);

    odl_link_receive(&link, bytes, n);
}

/* The host is sent samples before what came of them, which is the order of a recording. */
static void hand_over(void)
{
    odl_link_samples(&link, session.state.position, samples[0], n_samples);
    odl_samples(&session, samples[0], n_samples);
    n_samples = 0;
}

static void sense(void)
{
    while (odl_sensor_read(samples[n_samples])) {
        if (!link.configured)
            continue;
        if (n_samples++ == 0)
            first_at = odl_board_micros();
        if (n_samples == BATCH)
            hand_over();
    }
    if (n_samples > 0 && odl_board_micros() - first_at >= LATE)
        hand_over();
}

static int has_open_question(void)
{
    for (int32_t i = 0; i < session.state.n_ask; i++)
        if (session.state.ask_status[i] == ODL_ASKED_OPEN)
            return 1;
    return 0;
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
        board_led(has_open_question());
        board_idle();
    }
}
