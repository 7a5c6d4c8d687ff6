#include <string.h>

#include "core.h"
#include "odl_messages.h"

/* The open questions stand in ask_* in window order. A batch closes when it is full or the
   period's budget is spent; it is collected when each of its questions is settled. */

/* Issue a question about `window`, which ended at `end`; there is room for it. */
void odl_ask(odl_session *session, const uint8_t *features, int64_t window, int64_t end, int32_t utility)
{
    odl_state *s = &session->state;
    const odl_settings *set = &session->settings;
    int32_t i = s->n_ask;
    s->ask_window[i] = window;
    s->ask_expires[i] = end + set->patience;
    s->ask_batch[i] = s->batch;
    s->ask_order[i] = 0;
    s->ask_segment[i] = s->segment;
    s->ask_status[i] = ODL_ASKED_OPEN;
    s->ask_class[i] = ODL_NO_CLASS;
    memcpy(s->ask_features[i], features, ODL_FEATURES);
    s->n_ask = i + 1;
    s->issued += 1;
    s->counts[ODL_COUNT_QUERIES] += 1;
    s->n_batch += 1;
    if (s->n_batch >= set->batch || s->issued >= set->allowed) {
        s->batch += 1;
        s->n_batch = 0;
        s->n_far = 0;
    }
    odl_emit_query(window, utility, end + set->patience);
}

/* Settle every open question whose time has passed at `now`. */
void odl_expire(odl_session *session, int64_t now)
{
    odl_state *s = &session->state;
    for (int32_t i = 0; i < s->n_ask; i++) {
        if (s->ask_status[i] == ODL_ASKED_OPEN && s->ask_expires[i] <= now) {
            s->ask_status[i] = ODL_ASKED_EXPIRED;
            s->counts[ODL_COUNT_EXPIRED] += 1;
            odl_emit_dropped(now, s->ask_window[i], ODL_WHY_EXPIRED);
        }
    }
}

int odl_oldest_question(const odl_state *s)
{
    for (int32_t i = 0; i < s->n_ask; i++)
        if (s->ask_status[i] == ODL_ASKED_OPEN && s->ask_expires[i] > s->position)
            return i;
    return -1;
}

static void drop(odl_state *s, int64_t at, int64_t window, unsigned count, unsigned why)
{
    s->counts[count] += 1;
    odl_emit_dropped(at, window, why);
}

/* Take an answer (`cls` 255: a skip) about `window` at `at`, after odl_expire. */
void odl_answer(odl_session *session, int64_t at, int64_t window, unsigned cls)
{
    odl_state *s = &session->state;
    for (int32_t i = 0; i < s->n_ask; i++) {
        if (s->ask_window[i] != window)
            continue;
        if (s->ask_status[i] == ODL_ASKED_EXPIRED) {
            drop(s, at, window, ODL_COUNT_LATE, ODL_WHY_LATE);
        } else if (s->ask_status[i] != ODL_ASKED_OPEN) {
            drop(s, at, window, ODL_COUNT_REPEATED, ODL_WHY_REPEATED);
        } else if (cls == ODL_NO_CLASS) {
            s->ask_status[i] = ODL_ASKED_SKIPPED;
            drop(s, at, window, ODL_COUNT_SKIPPED, ODL_WHY_SKIPPED);
        } else if (odl_row_of(s, cls) < 0) {
            drop(s, at, window, ODL_COUNT_NO_SUCH_CLASS, ODL_WHY_NO_SUCH_CLASS);
        } else {
            s->ask_status[i] = ODL_ASKED_ANSWERED;
            s->ask_class[i] = (uint8_t)cls;
            s->answers += 1;
            s->ask_order[i] = s->answers;
            s->counts[ODL_COUNT_ANSWERED] += 1;
            if (s->ask_segment[i] == s->segment)
                s->held = (uint8_t)cls;
        }
        return;
    }
    for (int32_t i = 0; i < s->n_log; i++) {
        const odl_log_entry *entry = odl_log_at((uint32_t)i);
        if (entry->kind == ODL_ENTRY_LABEL && entry->window == window) {
            drop(s, at, window, ODL_COUNT_REPEATED, ODL_WHY_REPEATED);
            return;
        }
    }
    drop(s, at, window, ODL_COUNT_UNKNOWN, ODL_WHY_UNKNOWN);
}

static int settled(const odl_state *s, int64_t batch)
{
    for (int32_t i = 0; i < s->n_ask; i++)
        if (s->ask_batch[i] == batch && s->ask_status[i] == ODL_ASKED_OPEN)
            return 0;
    return 1;
}

/* The earliest closed batch whose questions are all settled, or -1. Questions stand in the
   order of their batches. */
int64_t odl_settled_batch(const odl_state *s)
{
    for (int32_t i = 0; i < s->n_ask; i++)
        if (s->ask_batch[i] < s->batch && settled(s, s->ask_batch[i]))
            return s->ask_batch[i];
    return -1;
}

static void move(odl_state *s, int32_t source, int32_t target)
{
    s->ask_window[target] = s->ask_window[source];
    s->ask_expires[target] = s->ask_expires[source];
    s->ask_batch[target] = s->ask_batch[source];
    s->ask_order[target] = s->ask_order[source];
    s->ask_segment[target] = s->ask_segment[source];
    s->ask_status[target] = s->ask_status[source];
    s->ask_class[target] = s->ask_class[source];
    memcpy(s->ask_features[target], s->ask_features[source], ODL_FEATURES);
}

/* Append question i's answer to the log; 0 when done. */
static int keep(odl_session *session, int32_t i, unsigned head)
{
    odl_state *s = &session->state;
    odl_log_entry entry;
    if (s->n_log >= session->net.max_log)
        return -1;
    memset(&entry, 0, sizeof entry);
    entry.window = s->ask_window[i];
    entry.order = s->ask_order[i];
    entry.kind = ODL_ENTRY_LABEL;
    entry.cls = s->ask_class[i];
    entry.head = (uint8_t)head;
    memcpy(entry.features, s->ask_features[i], ODL_FEATURES);
    if (odl_log_append(&entry) != 0)
        return -1;
    s->n_log += 1;
    return 0;
}

/* Move the answers of `batch` to the log in window order and forget its questions. */
void odl_collect(odl_session *session, int64_t batch, int64_t now)
{
    odl_state *s = &session->state;
    int32_t kept = 0;
    for (int32_t i = 0; i < s->n_ask; i++) {
        if (s->ask_batch[i] != batch) {
            if (kept != i)
                move(s, i, kept);
            kept += 1;
        } else if (s->ask_status[i] == ODL_ASKED_ANSWERED) {
            unsigned cls = s->ask_class[i];
            unsigned head = s->row_head[odl_row_of(s, cls)];
            if (keep(session, i, head) == 0)
                odl_emit_learned(now, s->ask_window[i], cls, head);
            else
                drop(s, now, s->ask_window[i], ODL_COUNT_FULL, ODL_WHY_FULL);
        }
    }
    s->n_ask = kept;
}
