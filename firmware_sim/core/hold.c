#include "core.h"

/* An answer that the image's heads cannot give is shown until the segment ends, or until the heads say
   something that is neither the answer nor what they said when it was asked for. */

/* `cls`, which is shown or counts as a class that is, was answered where `said` was shown. */
void odl_hold(odl_session *session, unsigned cls, unsigned said)
{
    odl_state *s = &session->state;
    uint8_t counted[ODL_MAX_ROWS];
    cls = odl_counts_as(s, odl_count_changes(s, counted), cls);
    int known = odl_row_of(s, cls) < session->net.n_rows;
    s->held = (uint8_t)(known ? ODL_NO_CLASS : cls);
    s->held_said = (uint8_t)(known ? ODL_NO_CLASS : said);
}

/* The heads now say `said`, or nothing (255). */
void odl_shown(odl_state *s, unsigned said)
{
    s->said = (uint8_t)said;
    if (s->held != ODL_NO_CLASS && said != s->held && said != s->held_said)
        s->held = s->held_said = ODL_NO_CLASS;
}
