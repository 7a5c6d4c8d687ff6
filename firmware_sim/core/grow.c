#include <string.h>

#include "core.h"
#include "odl_messages.h"

/* The image's rows; new ones are zeros that take no part. */
void odl_base_rows(const odl_net *net, int32_t (*weights)[ODL_ROW_LENGTH], uint8_t *active)
{
    memset(weights, 0, ODL_MAX_ROWS * sizeof *weights);
    memcpy(weights, net->base, net->n_rows * sizeof *weights);
    memset(active, 0, ODL_MAX_ROWS);
    memset(active, 1, net->n_rows);
}

/* Heads as the image has them. */
void odl_load_base(odl_session *session)
{
    odl_state *s = &session->state;
    const odl_net *net = &session->net;
    s->n_rows = net->n_rows;
    s->n_heads = net->n_heads;
    odl_base_rows(net, s->weights, s->row_active);
    memset(s->row_class, ODL_NO_CLASS, sizeof s->row_class);
    memset(s->row_head, ODL_NO_CLASS, sizeof s->row_head);
    for (uint32_t r = 0; r < net->n_rows; r++) {
        s->row_class[r] = net->rows[r].cls;
        s->row_head[r] = net->rows[r].head;
    }
    memset(s->head_parent, ODL_NO_CLASS, sizeof s->head_parent);
    memset(s->head_format, 0, sizeof s->head_format);
    for (uint32_t h = 0; h < net->n_heads; h++) {
        s->head_parent[h] = net->heads[h].parent;
        s->head_format[h] = net->heads[h].format;
    }
}

/* An inactive row of zeros for `cls`; it takes part once a label has come. There is room. */
void odl_add_row(odl_state *s, unsigned cls, unsigned head)
{
    int32_t row = s->n_rows;
    s->row_class[row] = (uint8_t)cls;
    s->row_head[row] = (uint8_t)head;
    s->row_active[row] = 0;
    memset(s->weights[row], 0, sizeof s->weights[row]);
    s->n_rows = row + 1;
}

/* An empty task under `leaf`, which has a row, with the logit format of the task above. */
void odl_add_head(odl_state *s, unsigned leaf)
{
    int32_t head = s->n_heads;
    s->head_parent[head] = (uint8_t)leaf;
    s->head_format[head] = s->head_format[s->row_head[odl_row_of(s, leaf)]];
    s->n_heads = head + 1;
}

static void refuse(odl_state *s, unsigned count, unsigned why)
{
    s->counts[count] += 1;
    odl_emit_dropped(s->position, ODL_NO_WINDOW, why);
}

/* Append an entry that has no features to the log; 0 when done. */
static int new_entry(odl_session *session, unsigned kind, unsigned cls, unsigned head, const uint8_t *name,
                     size_t length)
{
    odl_log_entry entry;
    memset(&entry, 0, sizeof entry);
    entry.window = session->state.position;
    entry.kind = (uint8_t)kind;
    entry.cls = (uint8_t)cls;
    entry.head = (uint8_t)head;
    entry.order = kind == ODL_ENTRY_CHANGE ? session->state.answers : 0;
    if (length > 0)
        memcpy(entry.features, name, length < ODL_NAME_BYTES ? length : ODL_NAME_BYTES);
    if (odl_log_append(&entry) != 0)
        return -1;
    session->state.n_log += 1;
    return 0;
}

/* A refit begins anew if one is under way, or if a label has given way for what grows. */
static void grown(odl_session *session, int64_t gave_way)
{
    if (session->state.refitting != 0 || session->state.counts[ODL_COUNT_GAVE_WAY] != gave_way)
        odl_refit(session);
}

/* Add class `cls` called `name` (utf-8, up to 32 bytes) to task `head`. */
void odl_add_class(odl_session *session, unsigned cls, unsigned head, const uint8_t *name, size_t length)
{
    odl_state *s = &session->state;
    int64_t before = s->counts[ODL_COUNT_GAVE_WAY];
    if (head >= (unsigned)s->n_heads || cls >= ODL_NO_CLASS || odl_row_of(s, cls) >= 0) {
        refuse(s, ODL_COUNT_NO_SUCH_CLASS, ODL_WHY_NO_SUCH_CLASS);
        return;
    }
    if (s->n_rows >= ODL_MAX_ROWS) {
        refuse(s, ODL_COUNT_FULL, ODL_WHY_FULL);
        return;
    }
    if (odl_make_room(session) != 0 || new_entry(session, ODL_ENTRY_CLASS, cls, head, name, length) != 0)
        refuse(s, ODL_COUNT_FULL, ODL_WHY_FULL);
    else
        odl_add_row(s, cls, head);
    grown(session, before);
}

/* Hang task `head`, the next free number, under class `leaf`. */
void odl_split(odl_session *session, unsigned leaf, unsigned head)
{
    odl_state *s = &session->state;
    int64_t before = s->counts[ODL_COUNT_GAVE_WAY];
    if (head < (unsigned)s->n_heads || odl_row_of(s, leaf) < 0 || odl_head_under(s, leaf) >= 0 ||
        (head > (unsigned)s->n_heads && head < ODL_MAX_HEADS)) {
        refuse(s, ODL_COUNT_NO_SUCH_CLASS, ODL_WHY_NO_SUCH_CLASS);
        return;
    }
    if (head >= ODL_MAX_HEADS) {
        refuse(s, ODL_COUNT_FULL, ODL_WHY_FULL);
        return;
    }
    if (odl_make_room(session) != 0 || new_entry(session, ODL_ENTRY_SPLIT, leaf, head, NULL, 0) != 0)
        refuse(s, ODL_COUNT_FULL, ODL_WHY_FULL);
    else
        odl_add_head(s, leaf);
    grown(session, before);
}

/* Class `cls`, called `name`, counts as `into`; a refit begins unless it counts as what it did. */
void odl_change_class(odl_session *session, unsigned cls, unsigned into, const uint8_t *name, size_t length)
{
    odl_state *s = &session->state;
    int64_t before = s->counts[ODL_COUNT_GAVE_WAY];
    uint8_t rows[ODL_MAX_ROWS];
    const uint8_t *counted = odl_count_changes(s, rows);
    if (!odl_can_change(session, counted, cls, into)) {
        refuse(s, ODL_COUNT_NO_SUCH_CLASS, ODL_WHY_NO_SUCH_CLASS);
        return;
    }
    int row = odl_row_of(s, cls), renamed = into == cls && (counted == NULL || counted[row] == row);
    s->answers += 1;
    if (odl_make_room(session) != 0 || new_entry(session, ODL_ENTRY_CHANGE, cls, into, name, length) != 0) {
        s->answers -= 1;
        refuse(s, ODL_COUNT_FULL, ODL_WHY_FULL);
        renamed = 1;
    }
    if (renamed) {
        grown(session, before);
        return;
    }
    s->held = s->held_said = ODL_NO_CLASS;
    odl_refit(session);
}

/* Take back the answer, or the change of a class, given last; whether the log has changed.
 *
 * An answer that has not been learned from reopens its question; what is in the log is removed from
 * it, and the caller refits. */
int odl_undo_last(odl_session *session, int64_t at)
{
    odl_state *s = &session->state;
    int64_t latest = 0;
    int32_t ask = -1, entry = -1;
    for (int32_t i = 0; i < s->n_ask; i++) {
        if (s->ask_status[i] == ODL_ASKED_ANSWERED && s->ask_order[i] > latest) {
            latest = s->ask_order[i];
            ask = i;
        }
    }
    for (int32_t i = 0; i < s->n_log; i++) {
        const odl_log_entry *e = odl_log_at((uint32_t)i);
        if ((e->kind == ODL_ENTRY_LABEL || e->kind == ODL_ENTRY_CHANGE) && e->order > latest) {
            latest = e->order;
            entry = i;
        }
    }
    s->held = s->held_said = ODL_NO_CLASS;
    int here = entry >= 0 && odl_log_at((uint32_t)entry)->kind == ODL_ENTRY_LABEL &&
               odl_log_at((uint32_t)entry)->window >= s->since;
    if (entry >= 0 && odl_log_remove((uint32_t)entry) == 0) {
        if (here) /* the present segment may be asked about again */
            s->asked = 0;
        s->n_log -= 1;
        s->counts[ODL_COUNT_UNDONE] += 1;
        return 1;
    }
    if (entry < 0 && ask >= 0) {
        s->ask_status[ask] = ODL_ASKED_OPEN;
        s->ask_class[ask] = ODL_NO_CLASS;
        s->ask_order[ask] = 0;
        s->counts[ODL_COUNT_UNDONE] += 1;
    } else {
        s->counts[ODL_COUNT_NOTHING_TO_UNDO] += 1;
        odl_emit_dropped(at, ODL_NO_WINDOW, ODL_WHY_NOTHING_TO_UNDO);
    }
    return 0;
}
