#include <stddef.h>

#include "frame_out.h"
#include "link.h"
#include "odl_messages.h"

static void put_prediction(odl_link *link, const odl_event *event)
{
    odl_begin_frame(link, ODL_MSG_PREDICTION);
    odl_put_index(link, event->window);
    odl_put_number(link, event->held, 1);
    odl_put_number(link, event->n_path, 1);
    odl_put(link, event->path, event->n_path);
    odl_put_number(link, event->n_scores, 1);
    for (uint32_t i = 0; i < event->n_scores; i++)
        odl_put_number(link, event->scores[i], 2);
    odl_end_frame(link);
}

/* An output in its canonical bytes. */
void odl_link_event(odl_link *link, const odl_event *event)
{
    switch (event->kind) {
    case ODL_EMIT_PREDICTION:
        put_prediction(link, event);
        return;
    case ODL_EMIT_QUERY:
        odl_begin_frame(link, ODL_MSG_QUERY);
        odl_put_index(link, event->window);
        odl_put_number(link, (uint32_t)event->value, 2);
        odl_put_index(link, event->expires);
        odl_put_index(link, event->at); /* since when */
        break;
    case ODL_EMIT_LEARNED:
        odl_begin_frame(link, ODL_MSG_LEARNED);
        odl_put_index(link, event->at);
        odl_put_index(link, event->window);
        odl_put_number(link, event->cls, 1);
        odl_put_number(link, event->head, 1);
        break;
    default:
        odl_begin_frame(link, ODL_MSG_DROPPED);
        odl_put_index(link, event->at);
        odl_put_index(link, event->window);
        odl_put_number(link, event->why, 1);
        break;
    }
    odl_end_frame(link);
}

/* Samples of the board's own sensor, so that the host can keep them. */
void odl_link_samples(odl_link *link, int64_t start, const int16_t *raw, size_t n)
{
    odl_begin_frame(link, ODL_MSG_SAMPLES);
    odl_put_index(link, start);
    odl_put_number(link, ODL_CHANNELS, 1);
    odl_put(link, raw, n * ODL_CHANNELS * sizeof *raw);
    odl_end_frame(link);
}

static uint32_t length_of(const char *text, uint32_t most)
{
    uint32_t length = 0;
    while (length < most && text[length] != 0)
        length += 1;
    return length;
}

void odl_link_gap(odl_link *link, int64_t lost, const char *why)
{
    uint32_t length = length_of(why, 255);
    odl_begin_frame(link, ODL_MSG_GAP);
    odl_put_index(link, link->session->state.position);
    odl_put_index(link, lost);
    odl_put_number(link, length, 1);
    odl_put(link, why, length);
    odl_end_frame(link);
    link->dropped += (uint32_t)lost;
    odl_gap(link->session, lost);
}

/* The frame `done` is the one that is answered. */
void odl_send_ready(odl_link *link)
{
    odl_begin_frame(link, ODL_MSG_READY);
    odl_put_index(link, link->done_at);
    odl_put_number(link, ODL_LINK_FRAME, 2);
    odl_put_number(link, link->reply, 2);
    odl_end_frame(link);
}

void odl_send_refused(odl_link *link, unsigned message, int why)
{
    odl_begin_frame(link, ODL_MSG_REFUSED);
    odl_put_number(link, message, 1);
    odl_put_number(link, (uint32_t)why, 1);
    odl_put_number(link, link->reply, 2);
    odl_end_frame(link);
}

/* Bytes of the state block for the image in use: the build may have room for more items, which stand
   at its end. */
static uint32_t state_size(const odl_net *net)
{
    uint32_t size = (uint32_t)(offsetof(odl_state, items) + net->max_items * sizeof(uint16_t));
    return (size + 7u) & ~7u;
}

void odl_send_info(odl_link *link)
{
    const odl_net *net = &link->session->net;
    const char *version = odl_board_version();
    uint32_t length = length_of(version, 64), before = link->frames;
    odl_begin_frame(link, ODL_MSG_INFO);
    odl_put_number(link, ODL_PROTOCOL_MAJOR, 1);
    odl_put_number(link, ODL_PROTOCOL_MINOR, 1);
    odl_put_number(link, ODL_CHANNELS, 1);
    odl_put_number(link, net->window, 2);
    odl_put_number(link, net->hop, 2);
    odl_put_number(link, ODL_LINK_FRAME, 2);
    odl_put_number(link, net->rate_mhz, 4);
    odl_put_number(link, net->checksum, 4);
    odl_put_number(link, net->image->total_size, 4);
    odl_put_number(link, odl_board_image_room(), 4);
    odl_put_number(link, state_size(net), 4);
    odl_put_number(link, (uint32_t)(net->max_log * sizeof(odl_log_entry)), 4);
    odl_put_number(link, link->number, 4);
    odl_put_number(link, before, 4);
    odl_put_index(link, link->session->state.position);
    odl_put_number(link, length, 1);
    odl_put(link, version, length);
    odl_end_frame(link);
}

void odl_send_status(odl_link *link)
{
    uint32_t before = link->frames;
    odl_begin_frame(link, ODL_MSG_STATUS);
    odl_put_number(link, link->number, 4);
    odl_put_number(link, before, 4);
    odl_put_number(link, link->dropped, 4);
    odl_put_number(link, link->damaged, 4);
    odl_put_number(link, odl_board_missed(), 4);
    odl_put_index(link, link->session->state.position);
    odl_end_frame(link);
}

static void put_blob(odl_link *link, const void *bytes, uint32_t n)
{
    odl_put_number(link, n, 4);
    odl_put(link, bytes, n);
}

void odl_send_description(odl_link *link)
{
    const odl_image_header *image = link->session->net.image;
    const char *board = odl_board_description();
    odl_begin_frame(link, ODL_MSG_DESCRIPTION);
    put_blob(link, board, length_of(board, UINT32_MAX));
    put_blob(link, (const uint8_t *)image + image->off_card, image->card_size);
    odl_end_frame(link);
}

/* A command as it was taken. */
void odl_send_echo(odl_link *link, const uint8_t *message, uint32_t size)
{
    odl_begin_frame(link, message[0]);
    odl_put(link, message + 1, size - 1);
    odl_end_frame(link);
}

void odl_link_held(odl_link *link)
{
    odl_begin_frame(link, ODL_MSG_HELD);
    odl_end_frame(link);
}

/* The heads in use, and behind them those that a refit is working on. */
enum { HEADS = offsetof(odl_state, next) + sizeof((odl_state *)0)->next - offsetof(odl_state, weights) };
_Static_assert(HEADS == 2 * sizeof((odl_state *)0)->weights, "something stands between the heads");

uint32_t odl_area_size(const odl_link *link, unsigned area)
{
    const odl_net *net = &link->session->net;
    if (area == ODL_AREA_STATE)
        return (uint32_t)(state_size(net) + net->max_log * sizeof(odl_log_entry));
    if (area == ODL_AREA_BRIEF)
        return state_size(net) - HEADS;
    return area == ODL_AREA_IMAGE ? net->image->total_size : 0;
}

/* The label log stands behind the state block; its unused entries count as zeros, whatever a
   board keeps there. */
static uint8_t byte_of_state(const odl_session *session, uint32_t i)
{
    const odl_state *s = &session->state;
    uint32_t size = state_size(&session->net), place, within;
    if (i < size)
        return ((const uint8_t *)s)[i];
    place = (i - size) / (uint32_t)sizeof(odl_log_entry);
    within = (i - size) % (uint32_t)sizeof(odl_log_entry);
    return place < (uint32_t)s->n_log ? ((const uint8_t *)odl_log_at(place))[within] : 0;
}

static uint8_t byte_of(const odl_link *link, unsigned area, uint32_t i)
{
    if (area == ODL_AREA_IMAGE)
        return ((const uint8_t *)link->session->net.image)[i];
    if (area == ODL_AREA_BRIEF && i >= offsetof(odl_state, weights))
        i += HEADS;
    return byte_of_state(link->session, i);
}

/* `size` bytes from `offset` on, which lie inside the area. */
void odl_send_data(odl_link *link, unsigned area, uint32_t offset, uint32_t size)
{
    odl_begin_frame(link, ODL_MSG_DATA);
    odl_put_number(link, area, 1);
    odl_put_number(link, offset, 4);
    odl_put_number(link, link->reply, 2);
    odl_put_number(link, size, 4);
    for (uint32_t i = offset; i < offset + size; i++) {
        uint8_t byte = byte_of(link, area, i);
        odl_put(link, &byte, 1);
    }
    odl_end_frame(link);
}
