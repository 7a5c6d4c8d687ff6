#include <string.h>

#include "link.h"
#include "odl_messages.h"

/* One message, whole and with a good checksum, but from anywhere: each length and each range
   is checked before it is used. A function returns ODL_REFUSAL_ reasons, or 0. */

#define FINE 0
#define NOW UINT64_MAX /* as `at` of a command: wherever the stream stands */

static uint32_t number(const uint8_t *bytes, uint32_t n)
{
    uint32_t value = 0;
    while (n-- > 0)
        value = value << 8 | bytes[n];
    return value;
}

static uint64_t long_number(const uint8_t *bytes)
{
    return number(bytes, 4) | (uint64_t)number(bytes + 4, 4) << 32;
}

static int64_t position(const odl_link *link)
{
    return link->session->state.position;
}

static int hello(odl_link *link, const uint8_t *m, uint32_t size)
{
    if (size < ODL_HELLO_FIXED)
        return ODL_REFUSAL_MESSAGE;
    odl_send_info(link); /* to a host of another version too, which can then name both */
    if (m[ODL_HELLO_MAJOR] != ODL_PROTOCOL_MAJOR)
        return ODL_REFUSAL_VERSION;
    if (size != ODL_HELLO_FIXED)
        return ODL_REFUSAL_MESSAGE;
    link->greeted = 1;
    link->has_done = 0;
    odl_send_description(link);
    return FINE;
}

static ODL_APART int configure(odl_link *link, const uint8_t *m, uint32_t size)
{
    enum { PER_CHANNEL = 7 };
    odl_session *session = link->session;
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
    set.floor = (int64_t)number(m + ODL_CONFIGURE_FLOOR, 2);
    set.allowed = (int64_t)number(m + ODL_CONFIGURE_ALLOWED, 4);
    set.period = (int64_t)number(m + ODL_CONFIGURE_PERIOD, 4);
    set.horizon = (int64_t)number(m + ODL_CONFIGURE_HORIZON, 4);
    set.every = (int64_t)number(m + ODL_CONFIGURE_EVERY, 4);
    uint64_t patience = long_number(m + ODL_CONFIGURE_PATIENCE);
    set.patience = patience > INT64_MAX ? -1 : (int64_t)patience;
    for (uint32_t c = 0; c < ODL_CHANNELS; c++, at += PER_CHANNEL) {
        uint32_t mult = number(at, 4), offset = number(at + 5, 2);
        scaling.mult[c] = mult > INT32_MAX ? -1 : (int32_t)mult;
        scaling.shift[c] = at[4];
        scaling.offset[c] = (int16_t)(offset > INT16_MAX ? (int32_t)offset - 65536 : (int32_t)offset);
    }
    uint64_t seed = long_number(m + ODL_CONFIGURE_SEED), begin = long_number(m + ODL_CONFIGURE_POSITION);
    uint32_t issued = number(m + ODL_CONFIGURE_ISSUED, 4);
    uint32_t of_session = number(m + ODL_CONFIGURE_SESSION, 4);
    if (m[ODL_CONFIGURE_KEEP] > 1 || of_session == 0 || issued > INT32_MAX ||
        begin >= (uint64_t)ODL_MAX_POSITION || odl_settings_bad(&set, seed, &scaling))
        return ODL_REFUSAL_SETTINGS;
    uint32_t n_log = (uint32_t)session->state.n_log;
    if (m[ODL_CONFIGURE_KEEP])
        odl_resume(session, &set, seed, &scaling, n_log, (int64_t)begin, issued);
    else if (odl_begin(session, &set, seed, &scaling, (int64_t)begin, issued) != 0)
        return ODL_REFUSAL_STORE;
    link->configured = 1;
    link->number = of_session;
    odl_board_begin();
    return FINE;
}

static int read(odl_link *link, const uint8_t *m, uint32_t size)
{
    if (size != ODL_READ_FIXED)
        return ODL_REFUSAL_MESSAGE;
    uint32_t offset = number(m + ODL_READ_OFFSET, 4);
    uint32_t wanted = number(m + ODL_READ_SIZE, 2);
    uint32_t there = odl_area_size(link, m[ODL_READ_AREA]);
    if (offset > there || wanted > there - offset)
        return ODL_REFUSAL_PLACE;
    odl_send_data(link, m[ODL_READ_AREA], offset, wanted);
    return FINE;
}

static int upload(const uint8_t *m, uint32_t size)
{
    enum { DATA = ODL_UPLOAD_DATA + 4 };
    if (size < DATA || number(m + ODL_UPLOAD_DATA, 4) != size - DATA)
        return ODL_REFUSAL_MESSAGE;
    uint32_t offset = number(m + ODL_UPLOAD_OFFSET, 4), room = odl_board_image_room();
    if (offset % 4 != 0 || offset > room || size - DATA > room - offset) /* flash is written by words */
        return ODL_REFUSAL_PLACE;
    return odl_board_upload(offset, m + DATA, size - DATA);
}

static int install(const uint8_t *m, uint32_t size)
{
    if (size != ODL_INSTALL_FIXED)
        return ODL_REFUSAL_MESSAGE;
    return odl_board_install(number(m + ODL_INSTALL_SIZE, 4), number(m + ODL_INSTALL_IMAGE, 4));
}

/* Nothing is kept of what was removed. It takes as long as an erase does, so a running session ends. */
static int compact(odl_link *link, uint32_t size)
{
    if (size != ODL_COMPACT_FIXED)
        return ODL_REFUSAL_MESSAGE;
    int left = odl_board_compact();
    if (left < 0)
        return -left;
    link->configured = 0;
    link->number = 0;
    link->session->state.n_log = left;
    return FINE;
}

/* An entry of a label log from before, behind those that are there; only where no session runs. What does not
   fit the tree is left out when a session begins (refit.c). */
static ODL_APART int remember(odl_link *link, const uint8_t *m, uint32_t size)
{
    enum { DATA = ODL_REMEMBER_DATA + 4 };
    odl_log_entry entry;
    if (size != DATA + sizeof entry || number(m + ODL_REMEMBER_DATA, 4) != sizeof entry)
        return ODL_REFUSAL_MESSAGE;
    memcpy(&entry, m + DATA, sizeof entry);
    if (entry.kind < ODL_ENTRY_LABEL || entry.kind > ODL_ENTRY_CHANGE || entry.cls == ODL_NO_CLASS ||
        entry.window < -1 || entry.window >= ODL_MAX_POSITION || entry.order < 0 || entry.order > INT32_MAX)
        return ODL_REFUSAL_MESSAGE;
    if (link->configured)
        return ODL_REFUSAL_ORDER;
    if (link->session->state.n_log >= link->session->net.max_log || odl_log_append(&entry) != 0)
        return ODL_REFUSAL_STORE;
    link->session->state.n_log += 1;
    return FINE;
}

static int samples(odl_link *link, const uint8_t *m, uint32_t size)
{
    enum { BLOCK = ODL_SAMPLES_BLOCK + 1, ENVELOPE = 6, PER_SAMPLE = 2 * ODL_CHANNELS };
    if (size < BLOCK || m[ODL_SAMPLES_BLOCK] != ODL_CHANNELS || (size - BLOCK) % PER_SAMPLE != 0)
        return ODL_REFUSAL_MESSAGE;
    uint32_t n = (size - BLOCK) / PER_SAMPLE;
    if (long_number(m + ODL_SAMPLES_START) != (uint64_t)position(link) || n >= ODL_MAX_POSITION - position(link))
        return ODL_REFUSAL_ORDER;
    odl_samples(link->session, link->in.counts + (ENVELOPE + BLOCK) / 2, n);
    return FINE;
}

static int gap(odl_link *link, const uint8_t *m, uint32_t size)
{
    if (size < ODL_GAP_FIXED + 1 || size != ODL_GAP_FIXED + 1u + m[ODL_GAP_WHY])
        return ODL_REFUSAL_MESSAGE;
    uint64_t lost = long_number(m + ODL_GAP_LOST);
    if (long_number(m + ODL_GAP_START) != (uint64_t)position(link) ||
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

/* Do a command that can be done, its `at` filled in; the host hears of it before what comes of
   it, whoever gave it. */
static void carry_out(odl_link *link, uint8_t *m, uint32_t size)
{
    odl_session *session = link->session;
    memcpy(m + 1, &session->state.position, 8); /* `at`; little-endian, like the message */
    odl_send_echo(link, m, size);
    if (m[0] == ODL_MSG_LABEL)
        odl_label(session, index_of(long_number(m + ODL_LABEL_WINDOW)), m[ODL_LABEL_CLS]);
    else if (m[0] == ODL_MSG_TEACH)
        odl_teach(session, m[ODL_TEACH_CLS]);
    else if (m[0] == ODL_MSG_UNDO)
        odl_undo(session);
    else if (m[0] == ODL_MSG_SPLIT)
        odl_split(session, m[ODL_SPLIT_LEAF], m[ODL_SPLIT_HEAD]);
    else if (m[0] == ODL_MSG_CHANGE_CLASS)
        odl_change_class(session, m[ODL_CHANGE_CLASS_CLS], m[ODL_CHANGE_CLASS_INTO], m + ODL_CHANGE_CLASS_NAME + 1,
                         m[ODL_CHANGE_CLASS_NAME]);
    else
        odl_add_class(session, m[ODL_ADD_CLASS_CLS], m[ODL_ADD_CLASS_HEAD], m + ODL_ADD_CLASS_NAME + 1,
                      m[ODL_ADD_CLASS_NAME]);
}

void odl_link_agree(odl_link *link)
{
    const odl_state *s = &link->session->state;
    int i = odl_oldest_question(s);
    uint16_t scores[ODL_MAX_ROWS];
    uint8_t path[ODL_MAX_HEADS], leaves[2], m[ODL_LABEL_FIXED];
    uint8_t length = i < 0 ? 0 : odl_score(link->session, s->ask_features[i], scores, path, leaves);
    if (length == 0)
        return;
    m[0] = ODL_MSG_LABEL;
    memcpy(m + ODL_LABEL_WINDOW, &s->ask_window[i], 8); /* little-endian, like the message */
    m[ODL_LABEL_CLS] = path[length - 1];
    carry_out(link, m, sizeof m);
}

void odl_link_undo(odl_link *link)
{
    uint8_t m[ODL_UNDO_FIXED];
    m[0] = ODL_MSG_UNDO;
    carry_out(link, m, sizeof m);
}

/* Label, Teach, Undo, AddClass, Split and ChangeClass: all begin with `at`; the two with a name have it at the
   same place. */
_Static_assert((int)ODL_ADD_CLASS_NAME == (int)ODL_CHANGE_CLASS_NAME, "names at two places");

static int command(odl_link *link, uint8_t *m, uint32_t size)
{
    enum { AT = 1, NAME = ODL_ADD_CLASS_NAME };
    uint32_t wanted = m[0] == ODL_MSG_LABEL      ? ODL_LABEL_FIXED
                      : m[0] == ODL_MSG_TEACH    ? ODL_TEACH_FIXED
                      : m[0] == ODL_MSG_UNDO     ? ODL_UNDO_FIXED
                      : m[0] == ODL_MSG_SPLIT    ? ODL_SPLIT_FIXED
                      : size > ODL_ADD_CLASS_FIXED ? ODL_ADD_CLASS_FIXED + 1u + m[NAME]
                                                 : 0;
    if (size != wanted)
        return ODL_REFUSAL_MESSAGE;
    if ((m[0] == ODL_MSG_ADD_CLASS || m[0] == ODL_MSG_CHANGE_CLASS) &&
        (m[ODL_ADD_CLASS_CLS] == ODL_NO_CLASS || !can_be_name(m + NAME + 1, m[NAME])))
        return ODL_REFUSAL_MESSAGE;
    if (m[0] == ODL_MSG_SPLIT && m[ODL_SPLIT_LEAF] == ODL_NO_CLASS)
        return ODL_REFUSAL_MESSAGE;
    if (m[0] == ODL_MSG_TEACH && m[ODL_TEACH_CLS] == ODL_NO_CLASS)
        return ODL_REFUSAL_MESSAGE;
    uint64_t at = long_number(m + AT);
    if (at != NOW && at != (uint64_t)position(link))
        return ODL_REFUSAL_ORDER;
    carry_out(link, m, size);
    return FINE;
}

/* An input of the session; Truth is for others. */
static int input(odl_link *link, uint8_t *m, uint32_t size)
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

/* What is answered with Ready, and done once however often its frame comes. */
static int request(odl_link *link, uint8_t *m, uint32_t size)
{
    switch (m[0]) {
    case ODL_MSG_CONFIGURE:
        return configure(link, m, size);
    case ODL_MSG_UPLOAD:
        return upload(m, size);
    case ODL_MSG_INSTALL:
        return install(m, size);
    case ODL_MSG_COMPACT:
        return compact(link, size);
    case ODL_MSG_REMEMBER:
        return remember(link, m, size);
    default:
        return (m[0] >= ODL_MSG_SAMPLES && m[0] <= ODL_MSG_TRUTH) || m[0] == ODL_MSG_TEACH ||
                       m[0] == ODL_MSG_CHANGE_CLASS
                   ? input(link, m, size)
                   : ODL_REFUSAL_MESSAGE;
    }
}

/* Do what the message at `m` asks (its size is at least 1); say Ready, answer, or refuse. */
void odl_dispatch(odl_link *link, uint8_t *m, uint32_t size)
{
    int refused;
    if (m[0] == ODL_MSG_HELLO) {
        refused = hello(link, m, size);
    } else if (!link->greeted) {
        refused = ODL_REFUSAL_HELLO;
    } else if (m[0] == ODL_MSG_READ) {
        refused = read(link, m, size);
    } else if (link->has_done && link->reply == link->done) { /* the answer did not arrive */
        odl_send_ready(link);
        return;
    } else {
        refused = request(link, m, size);
        if (refused == FINE) {
            link->has_done = 1;
            link->done = link->reply;
            link->done_at = position(link);
            odl_send_ready(link);
        }
    }
    if (refused != FINE)
        odl_send_refused(link, m[0], refused);
}
