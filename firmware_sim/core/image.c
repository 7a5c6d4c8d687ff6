#include <string.h>

#include "core.h"

/* The model image is used where it lies. Everything that a kernel relies on is checked here
   once: places, sizes, and each range that a proof of no overflow starts from. */

#define NEED(condition, otherwise) \
    do {                           \
        if (!(condition))          \
            return (otherwise);    \
    } while (0)

/* Where a section of `size` bytes begins, or NULL if it lies outside or is not aligned. */
static const uint8_t *section(const uint8_t *image, uint32_t total, uint32_t offset, uint32_t size)
{
    if (offset % 8 != 0 || offset < sizeof(odl_image_header) || offset > total || size > total - offset)
        return NULL;
    return image + offset;
}

static uint32_t magnitude(int32_t value)
{
    return value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
}

/* 255 * sum |w| + |bias| < 2**31 for each channel: no partial sum leaves int32. At most 2**14 weights
   of at most 128, so 32 bits hold the first term. */
static int accumulators_fit(const int8_t *weights, const int32_t *biases, uint32_t n, uint32_t cout)
{
    for (uint32_t o = 0; o < cout; o++) {
        uint32_t sum = 0;
        for (uint32_t i = 0; i < n; i++)
            sum += magnitude(weights[o * n + i]);
        if ((uint64_t)sum * 255 + magnitude(biases[o]) >= (uint64_t)1 << 31)
            return 0;
    }
    return 1;
}

/* What a layer's outputs come from: samples for one, samples from one to the next; how many for a window. */
typedef struct {
    uint32_t receptive, stride, size;
} span;

#if ODL_REACHING

/* Whether layer `i` can take the outputs of an earlier layer, `of` being the spans of all before it, and
   `cin` the channels of the layer before. */
static int check_reaching(const odl_layer *layers, uint32_t i, uint32_t cin, const span *of)
{
    const odl_layer *layer = &layers[i];
    uint32_t other;
    NEED(layer->left >= 1 && layer->left + (uint32_t)ODL_HAS(ODL_OP_WINDOW) <= i, ODL_IMAGE_LAYERS);
    NEED(layer->right == 0 && layer->stride == 1 && layer->cin == layer->cout, ODL_IMAGE_LAYERS);
    other = layers[i - layer->left].cout;
    if (layer->op == ODL_OP_BRANCH) {
        NEED(layer->cout == other, ODL_IMAGE_LAYERS);
        return ODL_IMAGE_FINE;
    }
    NEED(layer->cout == (layer->op == ODL_OP_ADD ? cin : cin + other), ODL_IMAGE_LAYERS);
    NEED(layer->op != ODL_OP_ADD || cin == other, ODL_IMAGE_LAYERS);
    const span *a = &of[i - layer->left], *b = &of[i - 1];
    NEED(a->receptive == b->receptive && a->stride == b->stride && a->size == b->size, ODL_IMAGE_LAYERS);
    return ODL_IMAGE_FINE;
}

#endif

/* Shapes that chain, and positions, window and hop that fit this build. Gives the number of
   weights and of channels. */
static int check_shapes(const odl_image_header *h, const odl_layer *layers, uint32_t *weights, uint32_t *channels)
{
    uint32_t cin = h->channels, taps = 0;
    span now = {1, 1, h->window};
#if ODL_REACHING
    span of[ODL_LAYERS];
#endif
    *weights = *channels = 0;
    NEED(h->window <= 4096 && (layers[0].op == ODL_OP_WINDOW) == ODL_HAS(ODL_OP_WINDOW), ODL_IMAGE_SIZES);
    for (uint32_t i = 0; i < h->n_layers; i++) {
        const odl_layer *layer = &layers[i];
        int window = layer->op == ODL_OP_WINDOW, full = layer->op <= ODL_OP_DENSE;
        uint32_t left = odl_left(layer), sides = left + layer->right, per;
        NEED(layer->op <= ODL_LAST_OP && ODL_HAS(layer->op), ODL_IMAGE_SIZES);
#if ODL_REACHING
        if (layer->op >= ODL_OP_BRANCH) {
            int wrong = check_reaching(layers, i, cin, of);
            NEED(wrong == 0, wrong);
            cin = layer->cin;
            now = layer->op == ODL_OP_BRANCH ? of[i - layer->left] : now;
            *channels += layer->op == ODL_OP_ADD ? ODL_SUMMED : 0;
        }
#endif
        NEED(layer->op != ODL_OP_TABLE || (layer->kernel == 1 && layer->cout == cin), ODL_IMAGE_LAYERS);
        NEED(layer->cin == cin && layer->cout >= 1 && layer->cout <= ODL_WIDEST, ODL_IMAGE_LAYERS);
        NEED(layer->kernel >= 1 && layer->kernel <= 4096 && layer->kernel * cin <= 16384, ODL_IMAGE_LAYERS);
        per = layer->kernel * (full ? cin : cin / layer->cout);
        NEED(full || (cin % layer->cout == 0 && per <= 4096), ODL_IMAGE_LAYERS);
        NEED((!window || layer->cout == cin) && (layer->op != ODL_OP_CONV || layer->zero == 0), ODL_IMAGE_LAYERS);
        taps += layer->kernel * cin;
        if (full || layer->op == ODL_OP_DEPTHWISE) {
            *weights += per * layer->cout;
            *channels += layer->cout;
        }
        if (layer->op == ODL_OP_TABLE)
            *weights += 256u * layer->cout;
        cin = layer->cout;
        if (window) {
            NEED(i == 0 && layer->kernel == h->window && layer->stride == h->hop && sides == 0, ODL_IMAGE_LAYERS);
        } else {
            NEED(layer->stride >= 1 && layer->stride <= layer->kernel, ODL_IMAGE_LAYERS);
            NEED(sides == 0 || ODL_HAS(ODL_OP_WINDOW), ODL_IMAGE_LAYERS);
            NEED(left < layer->kernel && layer->right < layer->kernel, ODL_IMAGE_LAYERS);
            if (layer->op < ODL_OP_BRANCH) {
                NEED(now.size + sides >= layer->kernel, ODL_IMAGE_LAYERS);
                now.size = (now.size + sides - layer->kernel) / layer->stride + 1;
            }
        }
        if ((window || !ODL_HAS(ODL_OP_WINDOW)) && layer->op < ODL_OP_BRANCH) {
            now.receptive += (layer->kernel - 1u) * now.stride; /* part of a stream */
            now.stride *= layer->stride;
            NEED(now.receptive <= h->window && now.stride <= h->window, ODL_IMAGE_LAYERS);
        }
#if ODL_REACHING
        of[i] = now;
#endif
    }
    NEED(taps == ODL_TAPS && cin == ODL_OUTPUTS && h->features == ODL_FEATURES, ODL_IMAGE_SIZES);
    NEED((h->window - now.receptive) / now.stride + 1 == ODL_POSITIONS, ODL_IMAGE_SIZES);
    NEED(!ODL_HAS(ODL_OP_WINDOW) || now.size == 1, ODL_IMAGE_LAYERS);
    NEED(h->hop > 0 && h->hop % now.stride == 0 && h->hop <= h->window, ODL_IMAGE_LAYERS);
    return ODL_IMAGE_FINE;
}

static int check_layers(const odl_net *net)
{
    const int8_t *weights = net->weights;
    uint32_t at = 0;
    for (uint32_t i = 0; i < net->n_layers; i++) {
        const odl_layer *layer = &net->layers[i];
        uint32_t n = (uint32_t)layer->kernel * layer->cin / (layer->op == ODL_OP_DEPTHWISE ? layer->cout : 1u);
        if (layer->op == ODL_OP_TABLE)
            weights += 256u * layer->cout;
        uint32_t numbers = layer->op == ODL_OP_ADD ? ODL_SUMMED : layer->cout;
        if (layer->op == ODL_OP_ADD) {
            for (uint32_t o = at; o < at + numbers; o++)
                NEED(net->biases[o] >= 0 && net->biases[o] <= 255, ODL_IMAGE_LAYERS);
        } else if (layer->op > ODL_OP_DEPTHWISE) {
            continue; /* multiplies nothing */
        } else {
            NEED(accumulators_fit(weights, net->biases + at, n, layer->cout), ODL_IMAGE_LAYERS);
            weights += n * layer->cout;
        }
        for (uint32_t o = at; o < at + numbers; o++) {
            NEED(net->mults[o] >= (int32_t)1 << (layer->op == ODL_OP_CONV ? 30 : 29), ODL_IMAGE_LAYERS);
            NEED(net->shifts[o] >= 31 && net->shifts[o] <= 62, ODL_IMAGE_LAYERS);
        }
        at += numbers;
    }
    return ODL_IMAGE_FINE;
}

static int row_of_class(const odl_net *net, unsigned cls)
{
    for (int r = 0; r < net->n_rows; r++)
        if (net->rows[r].cls == cls)
            return r;
    return -1;
}

/* Whether no weight can reach the limit of 2**30, so that none has to be held back. A row begins in
   the image, where the largest weight has the size `largest`, or as an imprint, which is below 2**24.
   Each item moves a weight once, by at most (2**15 * 255 + 2**(shift - 1)) / 2**shift; there are less
   than max_items times epochs and 4000 of them. */
static int stays_inside(const odl_net *net, uint32_t largest)
{
    uint32_t start = largest > (uint32_t)1 << 24 ? largest : (uint32_t)1 << 24;
    uint32_t step = (((uint32_t)255 << 15) >> net->rate_shift) + 1;
    uint64_t steps = (uint64_t)net->max_items * net->epochs + 4000;
    return start + steps * step < (uint32_t)ODL_LIMIT;
}

/* Items of an epoch at most: each label and stored vector once, and a class's labels together up to as
   often as a trained class has stored vectors. */
static uint32_t items_of(const odl_image_header *h)
{
    uint32_t share = h->n_stored / (uint32_t)h->n_rows;
    return h->max_log + (share > 0 ? share : 1u) * ODL_MAX_ROWS + h->n_stored;
}

/* 1600 a second. */
static uint16_t items_of_hop(const odl_image_header *h)
{
    uint64_t items = odl_quotient((uint64_t)1600000 * h->hop, h->rate_mhz);
    return (uint16_t)(items < 1 ? 1 : items > UINT16_MAX ? UINT16_MAX : items);
}

static int check_heads(odl_net *net)
{
    int of_root = 0;
    uint32_t largest = 0;
    NEED(net->heads[0].parent == ODL_NO_CLASS, ODL_IMAGE_HEADS);
    for (int r = 0; r < net->n_rows; r++) {
        NEED(net->rows[r].cls != ODL_NO_CLASS && row_of_class(net, net->rows[r].cls) == r, ODL_IMAGE_HEADS);
        NEED(net->rows[r].head < net->n_heads, ODL_IMAGE_HEADS);
        of_root += net->rows[r].head == 0;
    }
    NEED(of_root >= 2, ODL_IMAGE_HEADS);
    for (int h = 0; h < net->n_heads; h++) {
        NEED(net->heads[h].format >= 8 && net->heads[h].format <= 28, ODL_IMAGE_HEADS);
        NEED(net->heads[h].kind == 0 && net->heads[h].spare == 0, ODL_IMAGE_HEADS);
        if (h == 0)
            continue;
        int parent = row_of_class(net, net->heads[h].parent);
        NEED(parent >= 0 && net->rows[parent].head < h, ODL_IMAGE_HEADS);
        for (int other = 1; other < h; other++)
            NEED(net->heads[other].parent != net->heads[h].parent, ODL_IMAGE_HEADS);
    }
    for (uint32_t i = 0; i < (uint32_t)net->n_rows * ODL_ROW_LENGTH; i++) {
        uint32_t size = magnitude(net->base[i]);
        NEED(size <= (uint32_t)ODL_LIMIT, ODL_IMAGE_HEADS);
        largest = size > largest ? size : largest;
    }
    net->inside = (uint8_t)stays_inside(net, largest);
    for (uint32_t j = 0; j < net->n_stored; j++)
        NEED(row_of_class(net, net->owners[j]) >= 0, ODL_IMAGE_HEADS);
    return ODL_IMAGE_FINE;
}

/* Sizes that the build's state block, log and scratch were made for. */
static int check_sizes(const odl_image_header *h)
{
    NEED(h->channels == ODL_CHANNELS && h->n_layers == ODL_LAYERS && h->features == ODL_FEATURES,
         ODL_IMAGE_SIZES);
    NEED(h->max_heads == ODL_MAX_HEADS && h->max_rows == ODL_MAX_ROWS && h->max_pending == ODL_MAX_PENDING,
         ODL_IMAGE_SIZES);
    NEED(h->n_heads >= 1 && h->n_heads <= ODL_MAX_HEADS && h->n_rows >= 2 && h->n_rows <= ODL_MAX_ROWS,
         ODL_IMAGE_HEADS);
    NEED(h->max_log > ODL_MAX_ROWS + ODL_MAX_HEADS && h->max_log <= ODL_MAX_LOG, ODL_IMAGE_SIZES);
    NEED(items_of(h) <= ODL_MAX_ITEMS, ODL_IMAGE_SIZES);
    NEED(h->rate_mhz > 0 && h->epochs > 0, ODL_IMAGE_HEADS);
    NEED(h->rate_shift >= 1 && h->rate_shift <= 24 && h->seed != 0, ODL_IMAGE_HEADS);
    return ODL_IMAGE_FINE;
}

int odl_open_net(odl_net *net, const void *bytes, size_t size)
{
    const uint8_t *image = bytes;
    odl_image_header h;
    uint32_t weights, channels;
    int wrong;
    NEED(size >= sizeof h && (uintptr_t)bytes % 8 == 0, ODL_IMAGE_NOT_ONE);
    memcpy(&h, image, sizeof h);
    for (int i = 0; i < 4; i++)
        NEED(h.magic[i] == ODL_IMAGE_MAGIC[i], ODL_IMAGE_NOT_ONE);
    NEED(h.major == ODL_IMAGE_MAJOR, ODL_IMAGE_VERSION_BAD);
    NEED(h.total_size >= sizeof h && h.total_size <= size && h.header_size == sizeof h, ODL_IMAGE_NOT_ONE);
    NEED(odl_crc32(0, image + 8, h.total_size - 8) == h.crc, ODL_IMAGE_DAMAGED);
    wrong = check_sizes(&h);
    NEED(wrong == 0, wrong);

    memset(net, 0, sizeof *net);
    net->layers = (const void *)section(image, h.total_size, h.off_layers, h.n_layers * sizeof(odl_layer));
    NEED(net->layers && section(image, h.total_size, h.off_card, h.card_size), ODL_IMAGE_PLACES);
    wrong = check_shapes(&h, net->layers, &weights, &channels);
    NEED(wrong == 0, wrong);
    uint32_t row_size = ODL_ROW_LENGTH * sizeof(int32_t), n_stored = h.n_stored;
    net->weights = (const void *)section(image, h.total_size, h.off_weights, weights);
    net->biases = (const void *)section(image, h.total_size, h.off_biases, 4 * channels);
    net->mults = (const void *)section(image, h.total_size, h.off_mults, 4 * channels);
    net->shifts = section(image, h.total_size, h.off_shifts, channels);
    net->heads = (const void *)section(image, h.total_size, h.off_heads, h.n_heads * sizeof(odl_head));
    net->rows = (const void *)section(image, h.total_size, h.off_rows, h.n_rows * sizeof(odl_row));
    net->base = (const void *)section(image, h.total_size, h.off_base, h.n_rows * row_size);
    net->stored = section(image, h.total_size, h.off_stored, n_stored * ODL_FEATURES);
    net->owners = section(image, h.total_size, h.off_owners, n_stored);
    NEED(net->weights && net->biases && net->mults && net->shifts, ODL_IMAGE_PLACES);
    NEED(net->heads && net->rows && net->base && net->stored && net->owners, ODL_IMAGE_PLACES);
    net->image = bytes;
    net->seed = h.seed;
    net->checksum = h.crc;
    net->rate_mhz = h.rate_mhz;
    net->window = h.window;
    net->hop = h.hop;
    net->n_stored = h.n_stored;
    net->max_log = h.max_log;
    net->n_layers = h.n_layers;
    net->n_heads = h.n_heads;
    net->n_rows = h.n_rows;
    net->epochs = h.epochs;
    net->rate_shift = h.rate_shift;
    net->imprint = h.imprint;
    net->refit_items = items_of_hop(&h);
    net->max_items = (uint16_t)items_of(&h);
    wrong = check_layers(net);
    NEED(wrong == 0, wrong);
    return check_heads(net);
}

int odl_open(odl_session *session, const void *bytes, size_t size)
{
    return odl_open_net(&session->net, bytes, size);
}

static int outside(int64_t value, int64_t low, int64_t high)
{
    return value < low || value > high;
}

int odl_settings_bad(const odl_settings *set, uint64_t seed, const odl_scaling *scaling)
{
    int asks = set->rule != ODL_RULE_NONE;
    if (outside(set->rule, 0, ODL_LAST_RULE) || outside(set->allowed, asks, ODL_MOST_ALLOWED) ||
        outside(set->period, ODL_LEAST_PERIOD, ODL_MOST_PERIOD) ||
        outside(set->horizon, ODL_LEAST_HORIZON, ODL_MOST_HORIZON) || outside(set->in_samples, 0, 1) ||
        outside(set->batch, ODL_LEAST_BATCH, asks ? ODL_MAX_PENDING : ODL_MOST_BATCH) ||
        outside(set->patience, ODL_LEAST_PATIENCE, ODL_MOST_PATIENCE) ||
        outside(set->step, ODL_LEAST_STEP, ODL_MOST_STEP) || outside(set->hold, 0, 1) ||
        outside(set->change, ODL_LEAST_CHANGE, ODL_MOST_CHANGE) ||
        outside(set->every, ODL_LEAST_EVERY, ODL_MOST_EVERY) ||
        outside(set->floor, ODL_LEAST_FLOOR, ODL_MOST_FLOOR) || seed == 0 ||
        (asks && set->period == 0 && set->horizon == 0))
        return 1;
    for (int c = 0; c < ODL_CHANNELS; c++)
        if (scaling->mult[c] < 0 || scaling->shift[c] > 60)
            return 1;
    return 0;
}
