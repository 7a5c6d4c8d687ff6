#include "core.h"

/* Classes that were renamed, merged or removed: what each counts as, by the label log. */

/* Find for each row the row that it counts as, or ODL_REMOVED; the last change of a class decides.
   `counted` (ODL_MAX_ROWS), or NULL if the log has no change. */
const uint8_t *odl_count_changes(const odl_state *s, uint8_t *counted)
{
    int changed = 0;
    for (int32_t i = 0; i < s->n_log; i++) {
        const odl_log_entry *entry = odl_log_at((uint32_t)i);
        if (entry->kind != ODL_ENTRY_CHANGE)
            continue;
        for (int r = 0; !changed && r < s->n_rows; r++)
            counted[r] = (uint8_t)r;
        changed = 1;
        int row = odl_row_of(s, entry->cls), into = odl_row_of(s, entry->head);
        if (row >= 0)
            counted[row] = (uint8_t)(into < 0 ? ODL_REMOVED : into);
    }
    if (!changed)
        return NULL;
    for (int r = 0; r < s->n_rows; r++) {
        uint8_t to = counted[r];
        for (int i = 0; i < s->n_rows && to != ODL_REMOVED; i++)
            to = counted[to];
        counted[r] = to;
    }
    return counted;
}

/* The class that `cls` counts as; 255 if it, or what it lies under, was removed. Where a class above has
   been merged, it is the class which that counts as. */
unsigned odl_counts_as(const odl_state *s, const uint8_t *counted, unsigned cls)
{
    unsigned found = cls;
    if (counted == NULL)
        return cls;
    for (unsigned c = cls; c != ODL_NO_CLASS;) {
        int row = odl_row_of(s, c);
        if (row < 0 || counted[row] == ODL_REMOVED)
            return ODL_NO_CLASS;
        if (counted[row] != row)
            found = s->row_class[counted[row]];
        c = s->head_parent[s->row_head[row]];
    }
    return found;
}

/* Whether a task hangs under `cls` of which not all classes have been removed. */
int odl_is_inner(const odl_state *s, const uint8_t *counted, unsigned cls)
{
    int head = odl_head_under(s, cls), there = 0, empty = 1;
    if (head < 0 || counted == NULL)
        return head >= 0;
    for (int r = 0; r < s->n_rows; r++) {
        if (s->row_head[r] == head) {
            empty = 0;
            there |= counted[r] != ODL_REMOVED;
        }
    }
    return there || empty;
}

/* Whether `cls` can be an answer: it is there, and has not been removed. */
int odl_is_shown(const odl_state *s, unsigned cls)
{
    uint8_t counted[ODL_MAX_ROWS];
    return odl_row_of(s, cls) >= 0 &&
           odl_counts_as(s, odl_count_changes(s, counted), cls) != ODL_NO_CLASS;
}

/* Whether class `cls` can count as `into` (255: as none). Both are of one task, and `into` counts as
   itself. A class of the image counts as one of the image, and one of those stays in the root task. */
int odl_can_change(const odl_session *session, const uint8_t *counted, unsigned cls, unsigned into)
{
    const odl_state *s = &session->state;
    int row = odl_row_of(s, cls), to = odl_row_of(s, into), known = session->net.n_rows, left = 0;
    if (row < 0 || (into != ODL_NO_CLASS && to < 0))
        return 0;
    if (to == row)
        return 1;
    if (into != ODL_NO_CLASS)
        return s->row_head[row] == s->row_head[to] && (counted == NULL || counted[to] == to) &&
               (row >= known || to < known);
    for (int r = 0; r < known; r++)
        left += r != row && s->row_head[r] == 0 && (counted == NULL || counted[r] == r);
    return left > 0 || row >= known || s->row_head[row] != 0;
}
