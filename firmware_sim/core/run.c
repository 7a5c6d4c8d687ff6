#include <string.h>

#include "core.h"

/* The session's step, whole. It only composes the other kernels. */

/* Expire questions, begin to learn from every batch that is settled at `now`. */
static void settle(odl_session *session, int64_t now)
{
    odl_state *s = &session->state;
    int changed = 0;
    odl_expire(session, now);
    for (int64_t batch = odl_settled_batch(s); batch >= 0; batch = odl_settled_batch(s))
        changed |= odl_collect(session, batch, now);
    if (changed)
        odl_refit(session);
}

/* Predict for `window`, and give how uncertain that was. */
static int32_t predict(odl_session *session, const uint8_t *features, int64_t window)
{
    odl_state *s = &session->state;
    odl_event event;
    uint8_t leaves[2];
    memset(&event, 0, sizeof event);
    event.kind = ODL_EMIT_PREDICTION;
    event.window = window;
    event.n_path = odl_score(session, features, event.scores, event.path, leaves);
    event.n_scores = (uint8_t)s->n_rows;
    odl_shown(s, event.n_path > 0 ? event.path[event.n_path - 1] : ODL_NO_CLASS);
    event.held = session->settings.hold != 0 ? s->held : ODL_NO_CLASS;
    int32_t utility = odl_uncertainty(s, event.scores);
    odl_emit(&event);
    return utility;
}

/* The window that ended at `end`, when what was settled by then is learned. */
static ODL_APART void complete(odl_session *session, int64_t end)
{
    odl_state *s = &session->state;
    uint8_t features[ODL_FEATURES];
    int64_t window = end - session->net.window;
#if ODL_POSITIONS > 1
    odl_pool(s->ring[0], ODL_POSITIONS, ODL_OUTPUTS, (uint32_t)s->ring_at, features);
#else
    memcpy(features, s->ring[0], sizeof features);
#endif
    odl_segment(session, features, window);
    int32_t utility = predict(session, features, window);
    if (odl_decide(session, features, utility, end, session->net.hop))
        odl_ask(session, window, end, utility);
    s->counts[ODL_COUNT_WINDOWS] += 1;
}

/* Consume raw (n, ODL_CHANNELS) from row `first` on, up to the first window's end; the row
   after the last one consumed. */
size_t odl_run(odl_session *session, const int16_t *raw, size_t n, size_t first)
{
    size_t i = odl_extract(session, raw, n, first);
    if (i == first || !odl_window_complete(session))
        return i;
    int64_t end = session->state.position;
    settle(session, end);
    odl_advance(session, session->net.refit_items);
    complete(session, end);
    return i;
}

void odl_samples(odl_session *session, const int16_t *raw, size_t n)
{
    for (size_t at = 0; at < n;)
        at = odl_run(session, raw, n, at);
}

void odl_gap(odl_session *session, int64_t lost)
{
    odl_restart(&session->state, lost);
}

void odl_label(odl_session *session, int64_t window, unsigned cls)
{
    int64_t at = session->state.position;
    odl_expire(session, at);
    odl_answer(session, at, window, cls);
    settle(session, at);
}

void odl_teach(odl_session *session, unsigned cls)
{
    int64_t at = session->state.position;
    odl_expire(session, at);
    if (odl_taught(session, at, cls))
        odl_refit(session);
    settle(session, at);
}

void odl_undo(odl_session *session)
{
    odl_state *s = &session->state;
    settle(session, s->position);
    if (odl_undo_last(session, s->position))
        odl_refit(session);
}

static void fresh(odl_session *session, const odl_settings *settings, uint64_t seed, const odl_scaling *scaling)
{
    odl_state *s = &session->state;
    session->settings = *settings;
    session->scaling = *scaling;
    memset(s, 0, sizeof *s);
    s->generator = seed;
    s->held = s->held_said = s->said = ODL_NO_CLASS;
    odl_load_base(session);
}

/* The stream stands at `position`, where `issued` questions of the budget's period are spent. */
static void stand_at(odl_session *session, int64_t position, int64_t issued)
{
    odl_state *s = &session->state;
    const odl_settings *set = &session->settings;
    s->position = position;
    s->issued = issued;
    if (set->in_samples != 0 && set->period != 0 && position > 0)
        s->period = (int64_t)odl_quotient((uint64_t)(position - 1), (uint64_t)set->period);
}

int odl_begin(odl_session *session, const odl_settings *settings, uint64_t seed, const odl_scaling *scaling,
              int64_t position, int64_t issued)
{
    if (odl_log_clear() != 0)
        return -1;
    fresh(session, settings, seed, scaling);
    stand_at(session, position, issued);
    return 0;
}

void odl_resume(odl_session *session, const odl_settings *settings, uint64_t seed, const odl_scaling *scaling,
                uint32_t n_log, int64_t position, int64_t issued)
{
    odl_state *s = &session->state;
    fresh(session, settings, seed, scaling);
    s->n_log = (int32_t)(n_log < session->net.max_log ? n_log : session->net.max_log);
    for (int32_t i = 0; i < s->n_log; i++) {
        const odl_log_entry *entry = odl_log_at((uint32_t)i);
        int64_t end = entry->window + (entry->kind == ODL_ENTRY_LABEL ? session->net.window : 0);
        if (entry->order > s->answers)
            s->answers = entry->order;
        if (entry->window >= 0 && end > position && end < ODL_MAX_POSITION)
            position = end;
    }
    stand_at(session, position, issued);
    odl_rebuild(session);
    odl_start_refit(session);
}
