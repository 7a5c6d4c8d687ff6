#include <string.h>

#include "core.h"
#include "odl_messages.h"

/* The open questions stand in ask_* in window order. A batch closes when it is full or the
   period's budget is spent; it is collected when each of its questions is settled. */

/* Issue a question about `window`, which ended at `end`; there is room for it. What is learned from the
   answer is the mean of the segment so far. */
void odl_ask(odl_session *session, int64_t window, int64_t end, int32_t utility)
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
    s->ask_said[i] = s->said;
    odl_segment_mean(s, s->ask_features[i]);
    s->n_ask = i + 1;
    s->asked = 1;
    s->asked_at = end;
    s->issued += 1;
    s->counts[ODL_COUNT_QUERIES] += 1;
    s->n_batch += 1;
    if (s->n_batch >= set->batch || s->issued >= set->allowed) {
        s->batch += 1;
        s->n_batch = 0;
        s->n_far = 0;
    }
    odl_emit_query(window, utility, end + set->patience, s->since);
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

static int is_logged(const odl_state *s, int64_t window)
{
    for (int32_t i = 0; i < s->n_log; i++) {
        const odl_log_entry *entry = odl_log_at((uint32_t)i);
        if (entry->kind == ODL_ENTRY_LABEL && entry->window == window)
            return 1;
    }
    return 0;
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
        } else if (!odl_is_shown(s, cls)) {
            drop(s, at, window, ODL_COUNT_NO_SUCH_CLASS, ODL_WHY_NO_SUCH_CLASS);
        } else {
            s->ask_status[i] = ODL_ASKED_ANSWERED;
            s->ask_class[i] = (uint8_t)cls;
            s->answers += 1;
            s->ask_order[i] = s->answers;
            s->counts[ODL_COUNT_ANSWERED] += 1;
            if (s->ask_segment[i] == s->segment)
                odl_hold(session, cls, s->ask_said[i]);
        }
        return;
    }
    if (is_logged(s, window))
        drop(s, at, window, ODL_COUNT_REPEATED, ODL_WHY_REPEATED);
    else
        drop(s, at, window, ODL_COUNT_UNKNOWN, ODL_WHY_UNKNOWN);
}

static int is_asked(const odl_state *s, int64_t window)
{
    for (int32_t i = 0; i < s->n_ask; i++)
        if (s->ask_window[i] == window)
            return 1;
    return 0;
}

/* Take a label of the segment at `at`, after odl_expire; whether the log has changed. It answers the
   question that is open about the segment, if there is one. Else it is learned at once. */
int odl_taught(odl_session *session, int64_t at, unsigned cls)
{
    odl_state *s = &session->state;
    for (int32_t i = 0; i < s->n_ask; i++) {
        if (s->ask_status[i] == ODL_ASKED_OPEN && s->ask_segment[i] == s->segment) {
            odl_answer(session, at, s->ask_window[i], cls);
            return 0;
        }
    }
    if (s->age == 0) {
        drop(s, at, ODL_NO_WINDOW, ODL_COUNT_UNKNOWN, ODL_WHY_UNKNOWN);
        return 0;
    }
    if (!odl_is_shown(s, cls)) {
        drop(s, at, s->last, ODL_COUNT_NO_SUCH_CLASS, ODL_WHY_NO_SUCH_CLASS);
        return 0;
    }
    if (is_asked(s, s->last) || is_logged(s, s->last)) {
        drop(s, at, s->last, ODL_COUNT_REPEATED, ODL_WHY_REPEATED);
        return 0;
    }
    odl_log_entry label;
    memset(&label, 0, sizeof label);
    label.window = s->last;
    label.order = s->answers + 1;
    label.cls = (uint8_t)cls;
    odl_segment_mean(s, label.features);
    s->answers += 1;
    int learned = odl_learn(session, at, &label);
    if (learned > 0) {
        s->counts[ODL_COUNT_TAUGHT] += 1;
        odl_hold(session, cls, s->said);
        s->asked = 1;
    }
    return learned != 0;
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
    s->ask_said[target] = s->ask_said[source];
    memcpy(s->ask_features[target], s->ask_features[source], ODL_FEATURES);
}

static int learn(odl_session *session, int64_t now, int32_t i)
{
    const odl_state *s = &session->state;
    odl_log_entry label;
    memset(&label, 0, sizeof label);
    label.window = s->ask_window[i];
    label.order = s->ask_order[i];
    label.cls = s->ask_class[i];
    memcpy(label.features, s->ask_features[i], ODL_FEATURES);
    return odl_learn(session, now, &label);
}

/* Move the answers of `batch` to the log in window order and forget its questions; whether the log
   has changed. */
int odl_collect(odl_session *session, int64_t batch, int64_t now)
{
    odl_state *s = &session->state;
    int32_t kept = 0;
    int changed = 0;
    for (int32_t i = 0; i < s->n_ask; i++) {
        if (s->ask_batch[i] != batch) {
            if (kept != i)
                move(s, i, kept);
            kept += 1;
        } else if (s->ask_status[i] == ODL_ASKED_ANSWERED) {
            changed |= learn(session, now, i) != 0;
        }
    }
    s->n_ask = kept;
    return changed;
}
