#include "frame_out.h"
#include "link.h"
#include "odl_messages.h"

static void put_prediction(odl_link *link, const odl_event *event)
{
    odl_begin_frame(link, ODL_MSG_PREDICTION);
    odl_put_number(link, (uint64_t)event->window, 8);
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
        odl_put_number(link, (uint64_t)event->window, 8);
        odl_put_number(link, (uint64_t)event->value, 2);
        odl_put_number(link, (uint64_t)event->expires, 8);
        break;
    case ODL_EMIT_LEARNED:
        odl_begin_frame(link, ODL_MSG_LEARNED);
        odl_put_number(link, (uint64_t)event->at, 8);
        odl_put_number(link, (uint64_t)event->window, 8);
        odl_put_number(link, event->cls, 1);
        odl_put_number(link, event->head, 1);
        break;
    default:
        odl_begin_frame(link, ODL_MSG_DROPPED);
        odl_put_number(link, (uint64_t)event->at, 8);
        odl_put_number(link, (uint64_t)event->window, 8);
        odl_put_number(link, event->why, 1);
        break;
    }
    odl_end_frame(link);
}

/* Samples of the board's own sensor, so that the host can keep them. */
void odl_link_samples(odl_link *link, int64_t start, const int16_t *raw, size_t n)
{
    odl_begin_frame(link, ODL_MSG_SAMPLES);
    odl_put_number(link, (uint64_t)start, 8);
    odl_put_number(link, ODL_CHANNELS, 1);
    odl_put(link, raw, n * ODL_CHANNELS * sizeof *raw);
    odl_end_frame(link);
}

void odl_send_ready(odl_link *link)
{
    odl_begin_frame(link, ODL_MSG_READY);
    odl_put_number(link, (uint64_t)link->session->state.position, 8);
    odl_put_number(link, ODL_LINK_FRAME, 2);
    odl_end_frame(link);
}

void odl_send_refused(odl_link *link, unsigned message, int why)
{
    odl_begin_frame(link, ODL_MSG_REFUSED);
    odl_put_number(link, message, 1);
    odl_put_number(link, (uint64_t)why, 1);
    odl_end_frame(link);
}

void odl_send_info(odl_link *link)
{
    const odl_net *net = &link->session->net;
    const char *version = odl_board_version();
    uint32_t length = 0;
    while (length < 64 && version[length] != 0)
        length += 1;
    odl_begin_frame(link, ODL_MSG_INFO);
    odl_put_number(link, ODL_PROTOCOL_MAJOR, 1);
    odl_put_number(link, ODL_PROTOCOL_MINOR, 1);
    odl_put_number(link, ODL_CHANNELS, 1);
    odl_put_number(link, net->window, 2);
    odl_put_number(link, net->hop, 2);
    odl_put_number(link, ODL_LINK_FRAME, 2);
    odl_put_number(link, net->rate_mhz, 4);
    odl_put_number(link, net->checksum, 4);
    odl_put_number(link, sizeof(odl_state), 4);
    odl_put_number(link, net->max_log * sizeof(odl_log_entry), 4);
    odl_put_number(link, (uint64_t)link->session->state.position, 8);
    odl_put_number(link, length, 1);
    odl_put(link, version, length);
    odl_end_frame(link);
}

/* `size` bytes from `offset` on, of the state block with the log behind it; the log's unused
   entries count as zeros, whatever a board keeps there. They lie inside. */
void odl_send_state(odl_link *link, uint32_t offset, uint32_t size)
{
    const odl_state *s = &link->session->state;
    odl_begin_frame(link, ODL_MSG_STATE_BYTES);
    odl_put_number(link, offset, 4);
    odl_put_number(link, size, 4);
    for (uint32_t i = offset; i < offset + size; i++) {
        uint8_t byte = 0;
        if (i < sizeof *s) {
            byte = ((const uint8_t *)s)[i];
        } else {
            uint32_t place = (i - (uint32_t)sizeof *s) / (uint32_t)sizeof(odl_log_entry);
            uint32_t within = (i - (uint32_t)sizeof *s) % (uint32_t)sizeof(odl_log_entry);
            if (place < (uint32_t)s->n_log)
                byte = ((const uint8_t *)odl_log_at(place))[within];
        }
        odl_put(link, &byte, 1);
    }
    odl_end_frame(link);
}
