#include <string.h>

#include "link.h"
#include "odl_messages.h"

/* One message, whole and with a good checksum, but from anywhere: each length and each range
   is checked before it is used. A function returns ODL_REFUSAL_ reasons, or 0. */

#define FINE 0
#define NOW UINT64_MAX /* as `at` of a command: wherever the stream stands */

static uint64_t number(const uint8_t *bytes, uint32_t n)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < n; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static int64_t position(const odl_link *link)
{
    return link->session->state.position;
}

static int hello(odl_link *link, const uint8_t *m, uint32_t size)
{
    if (size != ODL_HELLO_FIXED)
        return ODL_REFUSAL_MESSAGE;
    if (m[ODL_HELLO_MAJOR] != ODL_PROTOCOL_MAJOR)
        return ODL_REFUSAL_VERSION;
    link->greeted = 1;
    odl_send_info(link);
    return FINE;
}

int odl_link_configure(odl_link *link, const odl_settings *settings, uint64_t seed,
                       const odl_scaling *scaling, int keep)
{
    uint32_t n_log = link->configured ? (uint32_t)link->session->state.n_log : link->n_log;
    if (odl_settings_bad(settings, seed, scaling))
        return ODL_REFUSAL_SETTINGS;
    link->configured = 1;
    if (keep)
        odl_resume(link->session, settings, seed, scaling, n_log);
    else if (odl_begin(link->session, settings, seed, scaling) != 0)
        return ODL_REFUSAL_STORE;
    return FINE;
}

static int configure(odl_link *link, const uint8_t *m, uint32_t size)
{
    enum { PER_CHANNEL = 7 };
    odl_settings set;
    odl_scaling scaling;
    const uint8_t *at = m + ODL_CONFIGURE_FIXED + 1;
    if (size != ODL_CONFIGURE_FIXED + 1 + PER_CHANNEL * ODL_CHANNELS || at[-1] != ODL_CHANNELS)
        return ODL_REFUSAL_MESSAGE;
    memset(&set, 0, sizeof set);
    set.rule = m[ODL_CONFIGURE_RULE];
    set.in_samples = m[ODL_CONFIGURE_IN_SAMPLES];
    set.hold = m[ODL_CONFIGURE_HOLD];
    set.batch = m[ODL_CONFIGURE_BATCH];
    set.step = m[ODL_CONFIGURE_STEP];
    set.change = (int64_t)number(m + ODL_CONFIGURE_CHANGE, 2);
    set.allowed = (int64_t)number(m + ODL_CONFIGURE_ALLOWED, 4);
    set.period = (int64_t)number(m + ODL_CONFIGURE_PERIOD, 4);
    set.horizon = (int64_t)number(m + ODL_CONFIGURE_HORIZON, 4);
    uint64_t patience = number(m + ODL_CONFIGURE_PATIENCE, 8);
    set.patience = patience > INT64_MAX ? -1 : (int64_t)patience;
    for (uint32_t c = 0; c < ODL_CHANNELS; c++, at += PER_CHANNEL) {
        uint32_t mult = (uint32_t)number(at, 4), offset = (uint32_t)number(at + 5, 2);
        scaling.mult[c] = mult > INT32_MAX ? -1 : (int32_t)mult;
        scaling.shift[c] = at[4];
        scaling.offset[c] = (int16_t)(offset > INT16_MAX ? (int32_t)offset - 65536 : (int32_t)offset);
    }
    if (m[ODL_CONFIGURE_KEEP] > 1)
        return ODL_REFUSAL_SETTINGS;
    return odl_link_configure(link, &set, number(m + ODL_CONFIGURE_SEED, 8), &scaling, m[ODL_CONFIGURE_KEEP]);
}

static int read_state(odl_link *link, const uint8_t *m, uint32_t size)
{
    if (size != ODL_READ_STATE_FIXED)
        return ODL_REFUSAL_MESSAGE;
    uint32_t offset = (uint32_t)number(m + ODL_READ_STATE_OFFSET, 4);
    uint32_t wanted = (uint32_t)number(m + ODL_READ_STATE_SIZE, 2);
    uint32_t there = (uint32_t)(sizeof(odl_state) + link->session->net.max_log * sizeof(odl_log_entry));
    if (offset > there || wanted > there - offset)
        return ODL_REFUSAL_PLACE;
    odl_send_state(link, offset, wanted);
    return FINE;
}

static int samples(odl_link *link, const uint8_t *m, uint32_t size)
{
    enum { BLOCK = ODL_SAMPLES_BLOCK + 1, ENVELOPE = 6, PER_SAMPLE = 2 * ODL_CHANNELS };
    if (size < BLOCK || m[ODL_SAMPLES_BLOCK] != ODL_CHANNELS || (size - BLOCK) % PER_SAMPLE != 0)
        return ODL_REFUSAL_MESSAGE;
    uint32_t n = (size - BLOCK) / PER_SAMPLE;
    if (number(m + ODL_SAMPLES_START, 8) != (uint64_t)position(link) || n >= ODL_MAX_POSITION - position(link))
        return ODL_REFUSAL_ORDER;
    odl_samples(link->session, link->in.counts + (ENVELOPE + BLOCK) / 2, n);
    return FINE;
}

static int gap(odl_link *link, const uint8_t *m, uint32_t size)
{
    if (size < ODL_GAP_FIXED + 1 || size != ODL_GAP_FIXED + 1u + m[ODL_GAP_WHY])
        return ODL_REFUSAL_MESSAGE;
    uint64_t lost = number(m + ODL_GAP_LOST, 8);
    if (number(m + ODL_GAP_START, 8) != (uint64_t)position(link) ||
        lost >= (uint64_t)(ODL_MAX_POSITION - position(link)))
        return ODL_REFUSAL_ORDER;
    odl_gap(link->session, (int64_t)lost);
    return FINE;
}

/* As int64, like every index in the state block; no window reaches 2**63. */
static int64_t index_of(uint64_t value)
{
    int64_t index;
    memcpy(&index, &value, sizeof index);
    return index;
}

/* Whether `name` can be a class name: 1 to 32 bytes, none of them a control character. */
static int can_be_name(const uint8_t *name, uint32_t length)
{
    if (length < 1 || length > ODL_NAME_BYTES)
        return 0;
    for (uint32_t i = 0; i < length; i++)
        if (name[i] < 0x20 || name[i] == 0x7f)
            return 0;
    return 1;
}

/* Label, Undo, AddClass and Split: all begin with `at`. */
static int command(odl_link *link, const uint8_t *m, uint32_t size)
{
    odl_session *session = link->session;
    enum { AT = 1, NAME = ODL_ADD_CLASS_NAME };
    uint32_t wanted = m[0] == ODL_MSG_LABEL      ? ODL_LABEL_FIXED
                      : m[0] == ODL_MSG_UNDO     ? ODL_UNDO_FIXED
                      : m[0] == ODL_MSG_SPLIT    ? ODL_SPLIT_FIXED
                      : size > ODL_ADD_CLASS_FIXED ? ODL_ADD_CLASS_FIXED + 1u + m[NAME]
                                                 : 0;
    if (size != wanted)
        return ODL_REFUSAL_MESSAGE;
    if (m[0] == ODL_MSG_ADD_CLASS &&
        (m[ODL_ADD_CLASS_CLS] == ODL_NO_CLASS || !can_be_name(m + NAME + 1, m[NAME])))
        return ODL_REFUSAL_MESSAGE;
    if (m[0] == ODL_MSG_SPLIT && m[ODL_SPLIT_LEAF] == ODL_NO_CLASS)
        return ODL_REFUSAL_MESSAGE;
    uint64_t at = number(m + AT, 8);
    if (at != NOW && at != (uint64_t)position(link))
        return ODL_REFUSAL_ORDER;
    if (m[0] == ODL_MSG_LABEL)
        odl_label(session, index_of(number(m + ODL_LABEL_WINDOW, 8)), m[ODL_LABEL_CLS]);
    else if (m[0] == ODL_MSG_UNDO)
        odl_undo(session);
    else if (m[0] == ODL_MSG_SPLIT)
        odl_split(session, m[ODL_SPLIT_LEAF], m[ODL_SPLIT_HEAD]);
    else
        odl_add_class(session, m[ODL_ADD_CLASS_CLS], m[ODL_ADD_CLASS_HEAD], m + NAME + 1, m[NAME]);
    return FINE;
}

/* An input of the session; Truth is for others. */
static int input(odl_link *link, const uint8_t *m, uint32_t size)
{
    if (!link->configured)
        return ODL_REFUSAL_CONFIGURE;
    switch (m[0]) {
    case ODL_MSG_SAMPLES:
        return samples(link, m, size);
    case ODL_MSG_GAP:
        return gap(link, m, size);
    case ODL_MSG_TRUTH:
        return FINE;
    default:
        return command(link, m, size);
    }
}

/* Do what the message at `m` asks (its size is at least 1); say Ready, answer, or refuse. */
void odl_dispatch(odl_link *link, const uint8_t *m, uint32_t size)
{
    int refused, ready = 0;
    if (m[0] == ODL_MSG_HELLO) {
        refused = hello(link, m, size);
    } else if (!link->greeted) {
        refused = ODL_REFUSAL_HELLO;
    } else if (m[0] == ODL_MSG_CONFIGURE) {
        refused = configure(link, m, size);
        ready = 1;
    } else if (m[0] == ODL_MSG_READ_STATE) {
        refused = read_state(link, m, size);
    } else if (m[0] >= ODL_MSG_SAMPLES && m[0] <= ODL_MSG_TRUTH) {
        refused = input(link, m, size);
        ready = 1;
    } else {
        refused = ODL_REFUSAL_MESSAGE;
    }
    if (refused != FINE)
        odl_send_refused(link, m[0], refused);
    else if (ready)
        odl_send_ready(link);
}
