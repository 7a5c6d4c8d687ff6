#include "core.h"

/* Whether the uncertainty reaches the reference value, a streaming (1 - rate) quantile. The first
   16 scores only set the reference. A window without any doubt is never informative. */
int odl_rule_inforv(odl_session *session, const uint8_t *features, int32_t utility, int64_t rate, int64_t left,
                    int64_t hop)
{
    odl_state *s = &session->state;
    (void)features, (void)left, (void)hop;
    if (s->n_warm < ODL_WARM) {
        int32_t at = s->n_warm;
        while (at > 0 && s->warm[at - 1] > utility) { /* insertion keeps them sorted */
            s->warm[at] = s->warm[at - 1];
            at -= 1;
        }
        s->warm[at] = (uint16_t)utility;
        s->n_warm += 1;
        if (s->n_warm == ODL_WARM) {
            uint64_t rank = ((uint64_t)(ODL_HIGHEST - rate) * ODL_WARM) >> 31;
            rank = rank < ODL_WARM ? rank : ODL_WARM - 1;
            s->rv_u = odl_max64((int64_t)s->warm[rank] * 65536, ODL_LOWEST);
        }
        return 0;
    }
    int wanted = (int64_t)utility * 65536 >= s->rv_u;
    s->rv_u = odl_track_quantile(s->rv_u, utility, rate, (unsigned)session->settings.step);
    return wanted;
}
