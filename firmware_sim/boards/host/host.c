/* The core without a board: the log is memory, outputs are kept to be fetched. For this
 * machine, and for a bare processor whose functions are called one by one. */
#include <string.h>

#include "core.h"
#include "host.h"
#include "odl_messages.h"
#include "shift.h"

#define MOST_EVENTS 64 /* a window's end gives at most 2 + 2 * ODL_MAX_PENDING */

static odl_log_entry *log_entries;
static uint32_t log_capacity;
static uint32_t log_used;
static odl_event events[MOST_EVENTS];
static uint32_t n_events;
static uint8_t *slot;
static uint32_t slot_room;
static odl_link *listener;
static odl_host_writer *writer;

void odl_host_use_log(odl_log_entry *entries, uint32_t capacity, uint32_t used)
{
    log_entries = entries;
    log_capacity = capacity;
    log_used = used;
}

void odl_host_use_settings(odl_session *session, const odl_settings *settings)
{
    session->settings = *settings;
}

const odl_log_entry *odl_log_at(uint32_t index)
{
    return &log_entries[index];
}

int odl_log_append(const odl_log_entry *entry)
{
    if (log_used >= log_capacity)
        return -1;
    log_entries[log_used++] = *entry;
    return 0;
}

int odl_log_remove(uint32_t index)
{
    log_used -= 1;
    for (uint32_t i = index; i < log_used; i++)
        log_entries[i] = log_entries[i + 1];
    memset(log_entries + log_used, 0, sizeof *log_entries);
    return 0;
}

int odl_log_clear(void)
{
    memset(log_entries, 0, log_capacity * sizeof *log_entries);
    log_used = 0;
    return 0;
}

void odl_emit(const odl_event *event)
{
    if (listener != NULL)
        odl_link_event(listener, event);
    else if (n_events < MOST_EVENTS)
        events[n_events++] = *event;
}

uint32_t odl_host_take(odl_event *to, uint32_t room)
{
    uint32_t n = n_events < room ? n_events : room;
    memcpy(to, events, n * sizeof *to);
    n_events = 0;
    return n;
}

void odl_host_listen(odl_link *link, odl_host_writer *write)
{
    listener = link;
    writer = write;
}

void odl_board_write(const uint8_t *bytes, size_t n)
{
    if (writer != NULL)
        writer(bytes, n);
}

uint32_t odl_board_micros(void)
{
    return 0; /* equal inputs give equal bytes */
}

uint32_t odl_board_missed(void)
{
    return 0;
}

const char *odl_board_version(void)
{
    return "host";
}

const char *odl_board_description(void)
{
    return "{\"channels\":null,\"name\":\"host\",\"rate_hz\":null,\"sensor\":\"link\"}";
}

void odl_board_begin(void)
{
}

void odl_host_use_slot(uint8_t *bytes, uint32_t room)
{
    slot = bytes;
    slot_room = room;
}

uint32_t odl_board_image_room(void)
{
    return slot_room;
}

int odl_board_upload(uint32_t offset, const uint8_t *bytes, uint32_t n)
{
    memcpy(slot + offset, bytes, n);
    return 0;
}

/* There is no next start: that the image can be used is all. */
int odl_board_install(uint32_t size, uint32_t checksum)
{
    static odl_session other;
    if (size > slot_room || odl_open(&other, slot, size) != ODL_IMAGE_FINE)
        return ODL_REFUSAL_IMAGE;
    return other.net.image->total_size == size && other.net.checksum == checksum ? 0 : ODL_REFUSAL_IMAGE;
}

int odl_board_compact(void)
{
    return (int)log_used;
}

uint32_t odl_host_session_size(void)
{
    return sizeof(odl_session);
}

int64_t odl_host_round_shift(int64_t value, uint32_t shift)
{
    return odl_round_shift(value, shift);
}

int32_t odl_host_round_shift32(int32_t value, uint32_t shift)
{
    return odl_round_shift32(value, shift);
}

int64_t odl_host_root(int64_t value)
{
    return odl_root(value);
}
