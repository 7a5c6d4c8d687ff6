#include <string.h>

#include "core.h"
#include "odl_messages.h"

/* The way of a label into the log. */

/* The first label of the class that has the most; of several, the class with the earliest row. Its
   place in the log, or -1 if that has no label. */
static int32_t most_spare(const odl_state *s)
{
    int32_t labels[ODL_MAX_ROWS], first[ODL_MAX_ROWS], most = 0;
    memset(labels, 0, sizeof labels);
    for (int32_t i = s->n_log; i-- > 0;) {
        const odl_log_entry *entry = odl_log_at((uint32_t)i);
        int row = entry->kind == ODL_ENTRY_LABEL ? odl_row_of(s, entry->cls) : -1;
        if (row >= 0) {
            labels[row] += 1;
            first[row] = i;
        }
    }
    for (int r = 1; r < s->n_rows; r++)
        if (labels[r] > labels[most])
            most = r;
    return labels[most] > 0 ? first[most] : -1;
}

/* Where the log is full its least needed label gives way; 0 when there is room. */
ODL_APART int odl_make_room(odl_session *session)
{
    odl_state *s = &session->state;
    if (s->n_log < session->net.max_log)
        return 0;
    int32_t place = most_spare(s);
    if (place < 0 || odl_log_remove((uint32_t)place) != 0)
        return -1;
    s->n_log -= 1;
    s->counts[ODL_COUNT_GAVE_WAY] += 1;
    return 0;
}

/* What the heads in use say of the label, before it is learned. */
static ODL_APART void judge(const odl_session *session, odl_log_entry *label)
{
    uint16_t scores[ODL_MAX_ROWS];
    uint8_t path[ODL_MAX_HEADS], leaves[2];
    odl_score(session, label->features, scores, path, leaves);
    label->base = leaves[0];
    label->mixed = leaves[1];
}

/* Log `label`, which says window, order, features, and a class that has a row; the rest of it is filled
   in here. 1 if that was done; 0 if the log could not take it, less if another label has given way
   before that was known. */
int odl_learn(odl_session *session, int64_t now, odl_log_entry *label)
{
    odl_state *s = &session->state;
    int64_t before = s->counts[ODL_COUNT_GAVE_WAY];
    label->kind = ODL_ENTRY_LABEL;
    label->head = s->row_head[odl_row_of(s, label->cls)];
    judge(session, label);
    if (odl_make_room(session) != 0 || odl_log_append(label) != 0) {
        s->counts[ODL_COUNT_FULL] += 1;
        odl_emit_dropped(now, label->window, ODL_WHY_FULL);
        return (int)(before - s->counts[ODL_COUNT_GAVE_WAY]);
    }
    s->n_log += 1;
    odl_emit_learned(now, label->window, label->cls, label->head);
    return 1;
}
