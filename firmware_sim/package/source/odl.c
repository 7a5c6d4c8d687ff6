/* The calls of odl.h, on the core and its link. */
#include "odl.h"

#include <string.h>

#include "core/link.h"
#include "core/odl_messages.h"
#include "odl_store.h"

enum {
    BATCH = 10,   /* samples that go to a host together */
    LATE = 250000 /* but at the latest after so many microseconds */
};

/* Without a line the compiler drops the link, its buffers included. */
#if ODL_DEVICE_LINE
#define LINKED link_.configured
#else
#define LINKED 0
#endif

/* odl_model.c */
extern const uint8_t odl_model_image[];
extern const uint32_t odl_model_image_size;
extern const odl_settings odl_model_settings;
extern const odl_scaling odl_model_scaling;
extern const uint64_t odl_model_seed;

static const odl_device_setup *board; /* NULL: nothing has started, and no call does anything */
static odl_session session;
static odl_link link_; /* unistd.h has a function of that name */
static odl_device_event events[ODL_DEVICE_EVENTS];
static uint8_t first_event, n_events, n_samples;
static int16_t samples[BATCH][ODL_CHANNELS];
static uint32_t first_at;

/* --- the session ------------------------------------------------------------------- */

int odl_device_init(const odl_device_setup *setup)
{
    int wrong;

    board = NULL;
    n_events = n_samples = 0;
    if (setup == NULL || setup->micros == NULL)
        return -1;
    board = setup;
    wrong = odl_open(&session, odl_model_image, odl_model_image_size);
    if (wrong != ODL_IMAGE_FINE) {
        board = NULL;
        return wrong;
    }
#if ODL_DEVICE_LINE
    odl_link_begin(&link_, &session, 0);
#endif
    odl_store_open(setup, session.net.checksum);
    if (odl_device_load() <= 0)
        odl_resume(&session, &odl_model_settings, odl_model_seed, &odl_model_scaling, 0, 0, 0);
    return ODL_IMAGE_FINE;
}

/* The host is sent samples before what came of them, which is the order of a recording. 0: nothing has started. */
static int hand_over(void)
{
    if (n_samples != 0) {
        if (LINKED)
            odl_link_samples(&link_, session.state.position, samples[0], n_samples);
        odl_samples(&session, samples[0], n_samples);
        n_samples = 0;
    }
    return board != NULL;
}

void odl_device_push(const int16_t *counts)
{
    if (board == NULL)
        return;
    memcpy(samples[n_samples], counts, sizeof samples[0]);
    if (n_samples++ == 0)
        first_at = board->micros();
    if (!LINKED || n_samples == BATCH)
        hand_over();
}

void odl_device_lost(uint32_t n)
{
    if (n == 0 || !hand_over())
        return;
    if (LINKED)
        odl_link_gap(&link_, n, "the board came too late to read its sensor");
    else
        odl_gap(&session, n);
}

int64_t odl_device_question(void)
{
    int i = odl_oldest_question(&session.state);

    return i < 0 ? -1 : session.state.ask_window[i];
}

/* As a host hears of a command that the board gave: before what comes of it. */
static void echo(const uint8_t *message, uint32_t size)
{
    if (LINKED)
        odl_send_echo(&link_, message, size);
}

static unsigned predicted(int question)
{
    uint16_t scores[ODL_MAX_ROWS];
    uint8_t path[ODL_MAX_HEADS], leaves[2];
    uint8_t length = odl_score(&session, session.state.ask_features[question], scores, path, leaves);

    return length == 0 ? ODL_NO_CLASS : path[length - 1];
}

int odl_device_answer(unsigned cls)
{
    uint8_t m[ODL_LABEL_FIXED];
    int64_t window;
    int i;

    if (!hand_over())
        return 0;
    i = odl_oldest_question(&session.state);
    if (i < 0 || cls > ODL_DEVICE_AGREE)
        return 0;
    if (cls == ODL_DEVICE_AGREE)
        cls = predicted(i);
    window = session.state.ask_window[i];
    m[0] = ODL_MSG_LABEL;
    memcpy(m + 1, &session.state.position, 8); /* little-endian, like the message */
    memcpy(m + ODL_LABEL_WINDOW, &window, 8);
    m[ODL_LABEL_CLS] = (uint8_t)cls;
    echo(m, sizeof m);
    odl_label(&session, window, (uint8_t)cls);
    return 1;
}

int odl_device_teach(unsigned cls)
{
    uint8_t m[ODL_TEACH_FIXED];

    if (cls >= ODL_NO_CLASS || !hand_over())
        return 0;
    m[0] = ODL_MSG_TEACH;
    memcpy(m + 1, &session.state.position, 8);
    m[ODL_TEACH_CLS] = (uint8_t)cls;
    echo(m, sizeof m);
    odl_teach(&session, cls);
    return 1;
}

void odl_device_undo(void)
{
    uint8_t m[ODL_UNDO_FIXED];

    if (!hand_over())
        return;
    m[0] = ODL_MSG_UNDO;
    memcpy(m + 1, &session.state.position, 8);
    echo(m, sizeof m);
    odl_undo(&session);
}

void odl_device_held(void)
{
    if (LINKED)
        odl_link_held(&link_);
}

/* In integers: the arithmetic of floating point would be 3 KB of code on a processor that has none. A float32 is a whole
   number below 2**24 times 2**(exponent - 150); one below 2**-126 is taken for 0. */
int16_t odl_device_count(unsigned channel, float value)
{
    static const float per_unit[ODL_MODEL_CHANNELS] = ODL_MODEL_COUNTS_PER_UNIT;
    const uint32_t fraction = ((uint32_t)1 << 23) - 1;
    uint32_t a, b, exponent;
    int32_t count = 0;

    memcpy(&a, &value, sizeof a);
    memcpy(&b, &per_unit[channel], sizeof b);
    exponent = a >> 23 & 255;
    if (exponent == 255 && (a & fraction) != 0)
        return INT16_MIN;
    if (exponent != 0) {
        uint64_t product = (uint64_t)((a & fraction) + fraction + 1) * ((b & fraction) + fraction + 1);
        int32_t shift = 300 - (int32_t)(exponent + (b >> 23 & 255));
        if (shift < 32) /* the product is 2**46 or more */
            count = INT16_MAX + 1;
        else if (shift <= 48)
            count = (int32_t)((product + ((uint64_t)1 << (shift - 1))) >> shift);
    }
    if (a >> 31 != 0)
        return (int16_t)(count > INT16_MAX ? INT16_MIN : -count);
    return (int16_t)(count > INT16_MAX ? INT16_MAX : count);
}

/* --- the store --------------------------------------------------------------------- */

int odl_device_save(void)
{
    return board == NULL ? -1 : odl_store_save();
}

int odl_device_load(void)
{
    int entries = board == NULL ? -1 : odl_store_load();

    if (entries >= 0) {
#if ODL_DEVICE_LINE
        link_.configured = 0;
#endif
        n_samples = 0;
        odl_resume(&session, &odl_model_settings, odl_model_seed, &odl_model_scaling, (uint32_t)entries,
                   session.state.position, 0);
    }
    return entries;
}

/* --- the line ---------------------------------------------------------------------- */

void odl_device_receive(const uint8_t *bytes, size_t n)
{
    if (n == 0 || !hand_over()) /* a command takes effect where the stream stands */
        return;
#if ODL_DEVICE_LINE
    odl_link_receive(&link_, bytes, n);
#else
    (void)bytes;
#endif
}

void odl_device_tick(void)
{
    uint32_t now;

    if (board == NULL)
        return;
    now = board->micros();
    if (n_samples > 0 && now - first_at >= LATE)
        hand_over();
#if ODL_DEVICE_LINE
    if (board->write != NULL)
        odl_link_tick(&link_, now);
#endif
}

/* --- events ------------------------------------------------------------------------ */

static uint16_t share_of(const odl_event *event, unsigned cls)
{
    int row = odl_row_of(&session.state, cls);

    return row < 0 || row >= event->n_scores ? 0 : event->scores[row];
}

static void remember(const odl_event *from)
{
    odl_device_event *to = &events[(first_event + n_events) % ODL_DEVICE_EVENTS];

    if (n_events == ODL_DEVICE_EVENTS)
        first_event = (uint8_t)((first_event + 1) % ODL_DEVICE_EVENTS);
    else
        n_events++;
    memset(to, 0, sizeof *to);
    to->window = from->window;
    to->cls = ODL_NO_CLASS;
    switch (from->kind) {
    case ODL_EMIT_PREDICTION:
        to->kind = ODL_DEVICE_PREDICTION;
        if (from->held != ODL_NO_CLASS)
            to->cls = from->held;
        else if (from->n_path > 0)
            to->cls = from->path[from->n_path - 1];
        to->share = share_of(from, to->cls);
        return;
    case ODL_EMIT_QUERY:
        to->kind = ODL_DEVICE_QUESTION;
        to->expires = from->expires;
        return;
    case ODL_EMIT_LEARNED:
        to->kind = ODL_DEVICE_LEARNED;
        to->cls = from->cls;
        return;
    default:
        to->kind = ODL_DEVICE_DROPPED;
        to->why = (uint8_t)from->why;
        return;
    }
}

int odl_device_poll(odl_device_event *event)
{
    if (n_events == 0)
        return 0;
    *event = events[first_event];
    first_event = (uint8_t)((first_event + 1) % ODL_DEVICE_EVENTS);
    n_events--;
    return 1;
}

/* --- what the core asks of a board ------------------------------------------------- */

void odl_emit(const odl_event *event)
{
    if (LINKED)
        odl_link_event(&link_, event);
    remember(event);
}

void odl_board_write(const uint8_t *bytes, size_t n)
{
    if (board->write != NULL)
        board->write(bytes, n);
}

uint32_t odl_board_micros(void)
{
    return board->micros();
}

uint32_t odl_board_missed(void)
{
    return 0;
}

const char *odl_board_version(void)
{
    return ODL_MODEL_VERSION;
}

const char *odl_board_description(void)
{
    return board->fed_by_host ? ODL_MODEL_DESCRIPTION_FED : ODL_MODEL_DESCRIPTION;
}

void odl_board_begin(void)
{
    n_samples = 0;
}

uint32_t odl_board_image_room(void)
{
    return 0; /* the model is part of the program */
}

int odl_board_upload(uint32_t offset, const uint8_t *bytes, uint32_t n)
{
    (void)offset, (void)bytes, (void)n;
    return ODL_REFUSAL_STORE;
}

int odl_board_install(uint32_t size, uint32_t checksum)
{
    (void)size, (void)checksum;
    return ODL_REFUSAL_IMAGE;
}
