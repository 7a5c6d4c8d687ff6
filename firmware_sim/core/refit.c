#include <string.h>

#include "core.h"

/* Learned heads from the base image and the ordered label log, after Dendron. The heads are a
   cache of this function. The extractor is frozen; a head on no label's path keeps its base
   weights to the bit. */

/* Base heads, then the classes and splits that the log holds, in order. What does not fit was
   never written by this core: it is left out. */
static void rebuild(odl_session *session)
{
    odl_state *s = &session->state;
    odl_load_base(session);
    for (int32_t i = 0; i < s->n_log; i++) {
        const odl_log_entry *entry = odl_log_at((uint32_t)i);
        int known = odl_row_of(s, entry->cls) >= 0;
        if (entry->kind == ODL_ENTRY_CLASS) {
            if (!known && s->n_rows < ODL_MAX_ROWS && entry->head < s->n_heads)
                odl_add_row(s, entry->cls, entry->head);
        } else if (entry->kind == ODL_ENTRY_SPLIT) {
            if (known && s->n_heads < ODL_MAX_HEADS && odl_head_under(s, entry->cls) < 0)
                odl_add_head(s, entry->cls);
        }
    }
}

/* Places of the log's labels into `order`, by window, whatever order the answers came in; how
   many there are. */
static uint32_t labels_by_window(const odl_state *s, uint16_t *order)
{
    uint32_t n = 0;
    for (int32_t i = 0; i < s->n_log; i++) {
        const odl_log_entry *entry = odl_log_at((uint32_t)i);
        if (entry->kind != ODL_ENTRY_LABEL || odl_row_of(s, entry->cls) < 0)
            continue;
        uint32_t at = n;
        while (at > 0 && odl_log_at(order[at - 1])->window > entry->window) {
            order[at] = order[at - 1];
            at -= 1;
        }
        order[at] = (uint16_t)i;
        n += 1;
    }
    return n;
}

/* Mark the heads that labels touch; imprint each new row from its first label. */
static void start_rows(odl_session *session, const uint16_t *labels, uint32_t n, uint8_t *touched)
{
    odl_state *s = &session->state;
    const odl_net *net = &session->net;
    uint8_t centre[ODL_FEATURES];
    odl_mean_stored(net->stored, net->n_stored, ODL_FEATURES, centre);
    for (uint32_t i = 0; i < n; i++) {
        const odl_log_entry *entry = odl_log_at(labels[i]);
        unsigned cls = entry->cls;
        while (cls != ODL_NO_CLASS) {
            int row = odl_row_of(s, cls);
            if (s->row_active[row] == 0) {
                odl_imprint(s->weights[row], entry->features, centre, ODL_FEATURES, net->imprint);
                s->row_active[row] = 1;
            }
            touched[s->row_head[row]] = 1;
            cls = s->head_parent[s->row_head[row]];
        }
    }
}

/* What one epoch learns from: each label, repeated, then each stored vector once; how many.
 *
 * A label's repeats are share / labels of its class, at least one, with `share` the stored
 * vectors per trained class. Numbers below the log's capacity are places in the log, the
 * others (less that capacity) stored vectors.
 *
 * The n labels stand at the end of `items` and are spread out from its beginning. The i-th is
 * written below i + 1 + share * rows, and the labels stand from share * rows + stored on, so
 * none is overwritten before it is read. */
static uint32_t lesson(odl_session *session, const uint16_t *labels, uint32_t n_labels)
{
    const odl_state *s = &session->state;
    const odl_net *net = &session->net;
    uint16_t *items = session->items;
    uint32_t share = net->n_stored / net->n_rows, n = 0;
    uint16_t count[ODL_MAX_ROWS];
    if (share == 0)
        share = 1;
    memset(count, 0, sizeof count);
    for (uint32_t i = 0; i < n_labels; i++)
        count[odl_row_of(s, odl_log_at(labels[i])->cls)] += 1;
    for (uint32_t i = 0; i < n_labels; i++) {
        uint16_t label = labels[i];
        uint32_t repeats = share / count[odl_row_of(s, odl_log_at(label)->cls)];
        for (uint32_t k = 0; k < (repeats > 0 ? repeats : 1); k++)
            items[n++] = label;
    }
    for (uint32_t j = 0; j < net->n_stored; j++)
        items[n++] = (uint16_t)(net->max_log + j);
    return n;
}

/* Whether no weight can reach the limit of 2**30 in `steps` gradient steps, so that none has to
   be held back. A row begins in the image or as an imprint, which is below 2**24, and a step
   moves a weight by at most (2**15 * 255 + 2**(shift - 1)) / 2**shift. */
static int stays_inside(const odl_net *net, uint32_t steps)
{
    uint32_t start = (uint32_t)net->largest > (uint32_t)1 << 24 ? (uint32_t)net->largest : (uint32_t)1 << 24;
    uint32_t step = (((uint32_t)255 << 15) >> net->rate_shift) + 1;
    return start + (uint64_t)steps * step < (uint32_t)ODL_LIMIT;
}

typedef void gradient_step(int32_t *, const uint8_t *, uint32_t, int32_t, unsigned);

/* One gradient step for each touched head on the path of `cls`. */
static void learn_one(odl_session *session, const uint8_t *features, unsigned cls, const uint8_t *touched,
                      gradient_step *step)
{
    odl_state *s = &session->state;
    uint8_t rows[ODL_MAX_ROWS];
    int32_t chances[ODL_MAX_ROWS];
    while (cls != ODL_NO_CLASS) {
        int row = odl_row_of(s, cls);
        unsigned head = s->row_head[row];
        if (touched[head] != 0) {
            uint32_t n = odl_head_probabilities(s, head, features, rows, chances);
            for (uint32_t i = 0; i < n; i++) {
                int32_t error = rows[i] == row ? chances[i] - ODL_ONE : chances[i];
                if (error != 0)
                    step(s->weights[rows[i]], features, ODL_FEATURES, error, session->net.rate_shift);
            }
        }
        cls = s->head_parent[head];
    }
}

/* Set the heads to what the image and the log say.
 *
 * Rows of the image start from its weights, new rows from an imprint; then the image's number
 * of epochs of single gradient steps, the items shuffled anew for each by the learner's own
 * generator, which starts from the image's seed at every refit. */
void odl_refit(odl_session *session)
{
    const odl_net *net = &session->net;
    uint8_t touched[ODL_MAX_HEADS];
    rebuild(session);
    uint32_t n = labels_by_window(&session->state, session->items);
    if (n == 0)
        return;
    uint16_t *labels = session->items + ODL_MAX_ITEMS - n;
    for (uint32_t i = n; i-- > 0;) /* to higher addresses, from the end */
        labels[i] = session->items[i];
    memset(touched, 0, sizeof touched);
    start_rows(session, labels, n, touched);
    n = lesson(session, labels, n);
    uint64_t generator = net->seed;
    gradient_step *step = stays_inside(net, n * net->epochs) ? odl_sgd_inside : odl_sgd;
    for (uint32_t epoch = 0; epoch < net->epochs; epoch++) {
        generator = odl_shuffle(session->items, n, generator);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t item = session->items[i];
            if (item < net->max_log) {
                const odl_log_entry *entry = odl_log_at(item);
                learn_one(session, entry->features, entry->cls, touched, step);
            } else {
                item -= net->max_log;
                learn_one(session, net->stored + item * ODL_FEATURES, net->owners[item], touched, step);
            }
        }
    }
}
