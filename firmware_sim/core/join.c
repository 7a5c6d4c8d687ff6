#include <string.h>

#include "core.h"

/* Layers that take the outputs of an earlier one: once more, added, or side by side.
 *
 * An input of such a layer waits in the layer's taps until the one that belongs to it is there too: those of
 * the earlier layer from the first place on, those of the layer before from the last place back. `fill`
 * counts the former in its lower and the latter in its upper half. An image whose taps are too few loses
 * inputs, and nothing else. */

/* Each channel's sum of two inputs with scales and zero points of their own, as TensorFlow Lite rounds it:
 * zeros of both; mults and shifts of both and of the sum. An input less its zero point is below 2**8 in size,
 * so 2**20 times that is an int32, and so is the sum of two such numbers after a factor of at most 1. */
void odl_add(const int16_t *one, const int16_t *other, uint32_t channels, const int32_t *zeros,
             const int32_t *mults, const uint8_t *shifts, unsigned zero, int16_t *out)
{
    for (uint32_t c = 0; c < channels; c++) {
        int32_t first = (one[c] - zeros[0]) * 1048576, second = (other[c] - zeros[1]) * 1048576;
        int32_t total = odl_scale_twice(first, mults[0], shifts[0]) + odl_scale_twice(second, mults[1], shifts[1]);
        out[c] = odl_requantise_zero(total, mults[2], shifts[2], zero, 1);
    }
}

#if ODL_REACHING

static void put(int16_t *to, const int16_t *from, uint32_t n)
{
    memcpy(to, from, n * sizeof *to);
}

/* Outputs `x` of layer `i`, whose taps begin at `taps`, go to the layers that reach back to it. */
void odl_hand_on(odl_session *session, uint32_t i, int16_t *taps, const int16_t *x)
{
    const odl_layer *layers = session->net.layers;
    for (uint32_t k = i; k < session->net.n_layers; k++) {
        const odl_layer *layer = &layers[k];
        int32_t *fill = &session->state.fill[k];
        if (layer->op >= ODL_OP_BRANCH && k - layer->left == i &&
            (*fill & 65535) + (*fill >> 16) < layer->kernel) {
            put(taps + (uint32_t)(*fill & 65535) * layer->cin, x, layers[i].cout);
            *fill += 1;
        }
        taps += (uint32_t)layer->kernel * layer->cin;
    }
}

/* Layer `i`'s turn, where `x` holds an output of the layer before if `here`: whether it has an output itself,
   which `x` holds then. */
int odl_join(odl_session *session, uint32_t i, int16_t *taps, uint32_t numbers, int here, int16_t *x)
{
    const odl_net *net = &session->net;
    const odl_layer *layer = &net->layers[i];
    uint32_t kernel = layer->kernel, cin = layer->cin, near = net->layers[i - 1].cout;
    uint32_t others = session->state.fill[i] & 65535, own = (uint32_t)session->state.fill[i] >> 16;
    int16_t *last = taps + (kernel - 1) * cin;
    int ready;
    if (layer->op == ODL_OP_BRANCH) {
        if (others == 0)
            return 0;
        put(x, taps, cin);
        session->state.fill[i] = 0;
        return 1;
    }
    if (here && others + own < kernel) {
        put(last - own * cin, x, near);
        own += 1;
    }
    ready = others > 0 && own > 0;
    if (ready) {
        if (layer->op == ODL_OP_ADD) {
            odl_add(taps, last, cin, net->biases + numbers, net->mults + numbers, net->shifts + numbers,
                    layer->zero, x);
        } else {
            put(x, taps, cin - near);
            put(x + cin - near, last, near);
        }
        for (uint32_t k = 1; k < others; k++)
            put(taps + (k - 1) * cin, taps + k * cin, cin);
        for (uint32_t k = 1; k < own; k++)
            put(last - (k - 1) * cin, last - k * cin, cin);
        others -= 1;
        own -= 1;
    }
    session->state.fill[i] = (int32_t)(others | own << 16);
    return ready;
}

#endif
