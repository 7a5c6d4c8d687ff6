#include <string.h>

#include "core.h"

/* Learned heads from the base image and the ordered label log, after Dendron. The heads are a
   cache of this function. The extractor is frozen; a head on no label's path keeps its base
   weights to the bit.

   A refit works on a second copy of the heads, so many items at each hop, and then puts it into
   use. It goes twice over the items: first through all tasks that a label touches, then, for those that
   the image knows nothing of, through their labels alone. */

enum { MORE = 4000 }; /* items that a task without a class of the image has seen at the end */

/* Base heads, then the classes and splits that the log holds, in order. What does not fit was
   never written by this core: it is left out. */
void odl_rebuild(odl_session *session)
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

/* What the label in entry `i` of the log counts as, 255 for none. */
static unsigned class_of(const odl_state *s, const uint8_t *counted, uint32_t i)
{
    unsigned cls = odl_log_at(i)->cls;
    return odl_row_of(s, cls) < 0 ? ODL_NO_CLASS : odl_counts_as(s, counted, cls);
}

/* Places of the log's labels that count into `items`, by window, whatever order the answers came in; how
   many there are. */
static uint32_t labels_by_window(odl_state *s, const uint8_t *counted)
{
    uint16_t *items = s->items;
    uint32_t n = 0;
    for (int32_t i = 0; i < s->n_log; i++) {
        const odl_log_entry *entry = odl_log_at((uint32_t)i);
        if (entry->kind != ODL_ENTRY_LABEL || class_of(s, counted, (uint32_t)i) == ODL_NO_CLASS)
            continue;
        uint32_t at = n;
        while (at > 0 && odl_log_at(items[at - 1])->window > entry->window) {
            items[at] = items[at - 1];
            at -= 1;
        }
        items[at] = (uint16_t)i;
        n += 1;
    }
    return n;
}

/* The task above task `head`'s, or -1 for the root. */
static int head_above(const odl_state *s, unsigned head)
{
    unsigned parent = s->head_parent[head];
    return parent == ODL_NO_CLASS ? -1 : s->row_head[odl_row_of(s, parent)];
}

/* Mark the heads that the `n` labels in `items` touch; imprint each new row from its first label. */
static void start_rows(odl_session *session, const uint8_t *counted, uint32_t n)
{
    odl_state *s = &session->state;
    const odl_net *net = &session->net;
    uint8_t centre[ODL_FEATURES];
    odl_mean_stored(net->stored, net->n_stored, ODL_FEATURES, centre);
    memset(s->touched, 0, sizeof s->touched);
    for (uint32_t i = 0; i < n; i++) {
        const odl_log_entry *entry = odl_log_at(s->items[i]);
        unsigned cls = class_of(s, counted, s->items[i]);
        while (cls != ODL_NO_CLASS) {
            int row = odl_row_of(s, cls);
            if (s->next_active[row] == 0) {
                odl_imprint(s->next[row], entry->features, centre, ODL_FEATURES, net->imprint);
                s->next_active[row] = 1;
            }
            s->touched[s->row_head[row]] = 1;
            cls = s->head_parent[s->row_head[row]];
        }
    }
}

/* What one epoch learns from: the `n_labels` in `items`, each repeated, then each stored vector once;
 * how many.
 *
 * A label's repeats are share / labels of its class, at least one, with `share` the stored
 * vectors per trained class. Numbers below the log's capacity are places in the log, the
 * others (less that capacity) stored vectors.
 *
 * The labels are spread out from the last one on: none moves down, so none is overwritten before
 * it is read. */
static uint32_t lesson(odl_session *session, const uint8_t *counted, uint32_t n_labels)
{
    odl_state *s = &session->state;
    const odl_net *net = &session->net;
    uint16_t *items = s->items;
    uint32_t share = net->n_stored / (uint32_t)net->n_rows, n = 0;
    uint16_t repeats[ODL_MAX_ROWS];
    memset(repeats, 0, sizeof repeats);
    for (uint32_t i = 0; i < n_labels; i++)
        repeats[odl_row_of(s, class_of(s, counted, items[i]))] += 1;
    for (int r = 0; r < s->n_rows; r++) {
        uint32_t labels = repeats[r];
        if (labels > 0)
            repeats[r] = (uint16_t)(share > labels ? share / labels : 1);
        n += labels * repeats[r];
    }
    uint32_t to = n;
    for (uint32_t i = n_labels; i-- > 0;) {
        uint16_t label = items[i];
        for (uint32_t k = repeats[odl_row_of(s, class_of(s, counted, label))]; k > 0; k--)
            items[--to] = label;
    }
    for (uint32_t j = 0; j < net->n_stored; j++)
        items[n++] = (uint16_t)(net->max_log + j);
    return n;
}

/* Begin to set the heads to what the image and the log say: rows of the image start from its weights,
 * new ones from an imprint. Without a label the heads are the image's at once. */
void odl_start_refit(odl_session *session)
{
    odl_state *s = &session->state;
    const odl_net *net = &session->net;
    uint8_t rows[ODL_MAX_ROWS];
    const uint8_t *counted = odl_count_changes(s, rows);
    uint32_t n = labels_by_window(s, counted);
    s->epoch = 0;
    s->place = 0;
    s->refitting = n > 0;
    if (n == 0) {
        odl_base_rows(net, s->weights, s->row_active);
        s->learned = 0;
        return;
    }
    odl_base_rows(net, s->next, s->next_active);
    start_rows(session, counted, n);
    s->n_items = (int32_t)lesson(session, counted, n);
    s->refit_generator = net->seed;
}

/* The same because of an input. */
void odl_refit(odl_session *session)
{
    odl_start_refit(session);
    session->state.counts[ODL_COUNT_REFITS] += 1;
}

typedef void gradient_step(int32_t *, const uint8_t *, uint32_t, int32_t, unsigned);

/* One gradient step for each touched head on the path of `cls` (255: none). A task of one class has no error. */
static void learn_one(odl_session *session, const uint8_t *counted, const uint8_t *features, unsigned cls,
                      gradient_step *step)
{
    odl_state *s = &session->state;
    const odl_heads heads = {s->next[0], s->next_active, counted, s->n_rows, s->n_heads};
    uint8_t rows[ODL_MAX_ROWS];
    int32_t chances[ODL_MAX_ROWS];
    while (cls != ODL_NO_CLASS) {
        int row = odl_row_of(s, cls);
        unsigned head = s->row_head[row];
        if (s->touched[head] != 0) {
            uint32_t n = odl_head_probabilities(s, &heads, head, features, rows, chances);
            for (uint32_t i = 0; i < n; i++) {
                int32_t error = rows[i] == row ? chances[i] - ODL_ONE : chances[i];
                if (error != 0)
                    step(s->next[rows[i]], features, ODL_FEATURES, error, session->net.rate_shift);
            }
        }
        cls = s->head_parent[head];
    }
}

static void learn_item(odl_session *session, const uint8_t *counted, uint32_t item)
{
    const odl_net *net = &session->net;
    /* Nothing has to be held back where no weight can reach the limit. */
    gradient_step *step = net->inside ? odl_sgd_inside : odl_sgd;
    if (item < net->max_log) {
        learn_one(session, counted, odl_log_at(item)->features, class_of(&session->state, counted, item), step);
    } else {
        item -= net->max_log;
        unsigned owner = odl_counts_as(&session->state, counted, net->owners[item]);
        learn_one(session, counted, net->stored + item * ODL_FEATURES, owner, step);
    }
}

/* How often all items of the phase are learned. */
static int32_t epochs_of(const odl_session *session)
{
    int32_t epochs = session->net.epochs;
    uint32_t n = (uint32_t)session->state.n_items;
    return session->state.refitting == 1 ? epochs : (int32_t)((MORE + n - 1) / n) - epochs;
}

/* Whether task `head` has two active rows or more, and none of the image. */
static int is_new(const odl_session *session, int head)
{
    const odl_state *s = &session->state;
    int active = 0;
    for (int r = 0; r < s->n_rows; r++) {
        if (s->row_head[r] == head) {
            if (r < session->net.n_rows)
                return 0;
            active += s->next_active[r];
        }
    }
    return active >= 2;
}

/* From now on only tasks without a class of the image are touched, and the items are their labels, in
   the order in which they stand; whether there is anything to do. */
static int second_phase(odl_session *session, const uint8_t *counted)
{
    odl_state *s = &session->state;
    int32_t n = 0;
    for (int head = 0; head < ODL_MAX_HEADS; head++)
        s->touched[head] = head < s->n_heads && is_new(session, head);
    for (int32_t i = 0; i < s->n_items; i++) {
        if (s->items[i] >= session->net.max_log)
            continue;
        int head = s->row_head[odl_row_of(s, class_of(s, counted, s->items[i]))];
        while (head >= 0 && !s->touched[head])
            head = head_above(s, (unsigned)head);
        if (head >= 0)
            s->items[n++] = s->items[i];
    }
    s->n_items = n;
    s->refitting = 2;
    return n > 0 && epochs_of(session) > 0;
}

static void finish(odl_state *s)
{
    memcpy(s->weights, s->next, sizeof s->weights);
    memcpy(s->row_active, s->next_active, sizeof s->row_active);
    s->learned = 1;
    s->refitting = 0;
}

/* Go on with the refit for so many items, if there is one. They are shuffled anew for each epoch by the
   learner's own generator, which starts from the image's seed at every refit. */
void odl_advance(odl_session *session, uint32_t visits)
{
    odl_state *s = &session->state;
    uint8_t rows[ODL_MAX_ROWS];
    const uint8_t *counted = odl_count_changes(s, rows);
    for (; s->refitting && visits > 0; visits--) {
        if (s->place == 0)
            s->refit_generator = odl_shuffle(s->items, (uint32_t)s->n_items, s->refit_generator);
        learn_item(session, counted, s->items[s->place]);
        s->place += 1;
        if (s->place < s->n_items)
            continue;
        s->place = 0;
        s->epoch += 1;
        if (s->epoch < epochs_of(session))
            continue;
        s->epoch = 0;
        if (s->refitting == 2 || !second_phase(session, counted))
            finish(s);
    }
}
