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

/* Where a layer's inputs, weights, and numbers of channels begin. */
typedef struct {
    int16_t *taps;
    const int8_t *weights;
    uint32_t channel;
} place;

static void next(place *p, const odl_layer *layer)
{
    uint32_t taps = (uint32_t)layer->kernel * layer->cin;
    p->taps += taps;
    if (layer->op == ODL_OP_TABLE)
        p->weights += 256u * layer->cout;
    if (layer->op == ODL_OP_ADD)
        p->channel += ODL_SUMMED;
    if (layer->op > ODL_OP_DEPTHWISE)
        return;
    p->weights += layer->op == ODL_OP_DEPTHWISE ? taps : layer->cout * taps;
    p->channel += layer->cout;
}

/* A layer's output from its inputs; `more` is 128 where they are signed, else 0. */
static void compute(const odl_net *net, const odl_layer *layer, place p, int32_t more, int16_t *out)
{
    uint32_t n = (uint32_t)layer->kernel * layer->cin;
    const int32_t *biases = net->biases + p.channel, *mults = net->mults + p.channel;
    const uint8_t *shifts = net->shifts + p.channel;
    (void)more;
#if ODL_OPERATIONS != 1
    switch (layer->op) {
#if ODL_HAS(ODL_OP_DEPTHWISE)
    case ODL_OP_DEPTHWISE:
        odl_depthwise(p.weights, biases, mults, shifts, p.taps, n / layer->cout, layer->cout, layer->zero, out);
        return;
#endif
#if ODL_HAS(ODL_OP_MAX)
    case ODL_OP_MAX:
        odl_largest(p.taps, n / layer->cout, layer->cout, more, out);
        return;
#endif
#if ODL_HAS(ODL_OP_AVERAGE)
    case ODL_OP_AVERAGE:
        odl_average(p.taps, n / layer->cout, layer->cout, more, out);
        return;
#endif
#if ODL_HAS(ODL_OP_TABLE)
    case ODL_OP_TABLE:
        odl_lookup(p.weights, p.taps, layer->cout, more, out);
        return;
#endif
    default:
        break;
    }
#endif
    odl_conv(p.weights, biases, mults, shifts, p.taps, n, layer->cout, layer->op, layer->zero, out);
}

/* Keep one more input of layer `i`; whether it completes an output. */
static int keep(odl_state *s, const odl_layer *layer, uint32_t i, int16_t *taps, const int16_t *x)
{
    uint32_t fill = (uint32_t)s->fill[i];
    memcpy(taps + fill * layer->cin, x, layer->cin * sizeof *x);
    s->fill[i] = (int32_t)(fill + 1);
    return fill + 1 == layer->kernel;
}

/* The inputs that no later output needs go. */
static void move_on(odl_state *s, const odl_layer *layer, uint32_t i, int16_t *taps)
{
    uint32_t size = (uint32_t)layer->kernel * layer->cin, step = (uint32_t)layer->stride * layer->cin;
    for (uint32_t k = 0; k + step < size; k++) /* towards lower addresses: may overlap */
        taps[k] = taps[k + step];
    s->fill[i] = layer->kernel - layer->stride;
}

/* Take one input of layer `i` through this and the next layers as far as it completes positions. `x` holds
   it on entry and has room for the widest layer's outputs. */
static void push(odl_session *session, uint32_t i, place p, int16_t *x)
{
    odl_state *s = &session->state;
    const odl_net *net = &session->net;
    const uint32_t first = ODL_HAS(ODL_OP_WINDOW); /* its inputs are signed */
    int here = 1;                                  /* whether x holds an input of layer i */
    for (; i < net->n_layers; i++) {
        const odl_layer *layer = &net->layers[i];
#if ODL_REACHING
        if (layer->op >= ODL_OP_BRANCH)
            here = odl_join(session, i, p.taps, p.channel, here, x);
        else
#endif
            if (here && (here = keep(s, layer, i, p.taps, x)) != 0) {
            compute(net, layer, p, i == first ? 128 : 0, x);
            move_on(s, layer, i, p.taps);
        }
        if (!here && !ODL_REACHING)
            return;
#if ODL_REACHING
        if (here)
            odl_hand_on(session, i, p.taps, x);
#endif
        next(&p, layer);
    }
    if (!here)
        return;
    uint8_t *to = s->ring[s->ring_at];
    for (uint32_t c = 0; c < ODL_OUTPUTS; c++)
        to[c] = (uint8_t)x[c];
    s->ring_at = s->ring_at + 1 < ODL_POSITIONS ? s->ring_at + 1 : 0;
    if (s->ring_n < ODL_POSITIONS)
        s->ring_n += 1;
}

#if ODL_HAS(ODL_OP_WINDOW)

/* What lies beside a window: for layer `i`, what stands for 0 among its inputs, for a maximum the lowest. */
static void pad(const odl_net *net, uint32_t i, int16_t *x)
{
    const odl_layer *layer = &net->layers[i];
    int value = layer->op == ODL_OP_MAX ? 0 : net->layers[i - 1].zero;
    value = layer->op == ODL_OP_AVERAGE ? ODL_BESIDE : i == 1 ? value - 128 : value;
    for (uint32_t c = 0; c < layer->cin; c++)
        x[c] = (int16_t)value;
}

/* The window that lies in the first layer's taps, through all others with their padding. */
static void whole_window(odl_session *session, place p, int16_t *x)
{
    odl_state *s = &session->state;
    const odl_net *net = &session->net;
    const int16_t *window = p.taps;
    uint32_t channels = net->layers[0].cin;
    next(&p, &net->layers[0]);
    place of = p;
    for (uint32_t i = 1; i < net->n_layers; i++) {
        pad(net, i, x);
        for (uint32_t k = 0; k < odl_left(&net->layers[i]); k++)
            keep(s, &net->layers[i], i, of.taps, x);
        next(&of, &net->layers[i]);
    }
    for (uint32_t k = 0; k < net->window; k++) {
        memcpy(x, window + k * channels, channels * sizeof *x);
        push(session, 1, p, x);
    }
    of = p;
    for (uint32_t i = 1; i < net->n_layers; i++) {
        for (uint32_t k = 0; k < net->layers[i].right; k++) {
            pad(net, i, x);
            push(session, i, of, x);
        }
        next(&of, &net->layers[i]);
    }
    memset(p.taps, 0, (size_t)(of.taps - p.taps) * sizeof *p.taps);
    memset(s->fill + 1, 0, (net->n_layers - 1u) * sizeof *s->fill);
}

#endif

/* Take one scaled sample. */
static void take(odl_session *session, int16_t *x)
{
    place p = {session->state.taps, session->net.weights, 0};
#if ODL_HAS(ODL_OP_WINDOW)
    const odl_layer *layer = &session->net.layers[0];
    if (!keep(&session->state, layer, 0, p.taps, x))
        return;
    whole_window(session, p, x);
    move_on(&session->state, layer, 0, p.taps);
#else
    push(session, 0, p, x);
#endif
}

/* Consume raw (n, ODL_CHANNELS) from row `first` until a window is complete; the row after the
   last one consumed. */
size_t odl_extract(odl_session *session, const int16_t *raw, size_t n, size_t first)
{
    odl_state *s = &session->state;
    const odl_scaling *scaling = &session->scaling;
    int16_t x[ODL_WIDEST];
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
        take(session, x);
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
    return odl_quotient((uint64_t)past, session->net.hop) * session->net.hop == (uint64_t)past;
}
