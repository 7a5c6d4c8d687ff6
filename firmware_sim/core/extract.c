#include <string.h>

#include "core.h"

/* A gap: `lost` samples pass unseen, the rings are emptied, the phase begins anew. */
void odl_restart(odl_state *s, int64_t lost)
{
    s->position += lost;
    s->phase = 0;
    odl_end_segment(s);
    s->ring_at = 0;
    s->ring_n = 0;
    memset(s->fill, 0, sizeof s->fill);
    s->counts[ODL_COUNT_GAPS] += 1;
}

/* Take one scaled sample through the layers as far as it completes positions. `x` holds it on
   entry and has room for 64, as the widest layer needs. */
static void push(odl_session *session, int16_t *x)
{
    odl_state *s = &session->state;
    const odl_net *net = &session->net;
    const int8_t *weights = net->weights;
    int16_t *taps = s->taps;
    uint32_t at = 0;
    for (uint32_t i = 0; i < net->n_layers; i++) {
        const odl_layer *layer = &net->layers[i];
        uint32_t cin = layer->cin, size = layer->kernel * cin, step = layer->stride * cin;
        uint32_t fill = (uint32_t)s->fill[i];
        memcpy(taps + fill * cin, x, cin * sizeof *x);
        if (fill + 1 < layer->kernel) {
            s->fill[i] = (int32_t)(fill + 1);
            return;
        }
        odl_conv(weights, net->biases + at, net->mults + at, net->shifts + at, taps, size, layer->cout, x);
        for (uint32_t k = 0; k + step < size; k++) /* towards lower addresses: may overlap */
            taps[k] = taps[k + step];
        s->fill[i] = layer->kernel - layer->stride;
        weights += layer->cout * size;
        taps += size;
        at += layer->cout;
    }
    uint8_t *place = s->ring[s->ring_at];
    for (uint32_t c = 0; c < ODL_OUTPUTS; c++)
        place[c] = (uint8_t)x[c];
    s->ring_at = s->ring_at + 1 < ODL_POSITIONS ? s->ring_at + 1 : 0;
    if (s->ring_n < ODL_POSITIONS)
        s->ring_n += 1;
}

/* Consume raw (n, ODL_CHANNELS) from row `first` until a window is complete; the row after the
   last one consumed. */
size_t odl_extract(odl_session *session, const int16_t *raw, size_t n, size_t first)
{
    odl_state *s = &session->state;
    const odl_scaling *scaling = &session->scaling;
    int16_t x[64];
    for (size_t i = first; i < n;) {
        for (uint32_t c = 0; c < ODL_CHANNELS; c++) {
            int64_t value = odl_scale_input(raw[i * ODL_CHANNELS + c], scaling->mult[c], scaling->shift[c],
                                            scaling->offset[c]);
            if (value > 127) {
                value = 127;
                s->counts[ODL_COUNT_SATURATED] += 1;
            } else if (value < -128) {
                value = -128;
                s->counts[ODL_COUNT_SATURATED] += 1;
            }
            x[c] = (int16_t)value;
        }
        push(session, x);
        s->position += 1;
        s->phase += 1;
        i += 1;
        if (odl_window_complete(session))
            return i;
    }
    return n;
}

/* Whether a window ends with the sample consumed last. */
int odl_window_complete(const odl_session *session)
{
    int64_t past = session->state.phase - session->net.window;
    if (past < 0)
        return 0;
    if (past <= UINT32_MAX) /* hardware divides this */
        return (uint32_t)past % session->net.hop == 0;
    return past % session->net.hop == 0;
}
