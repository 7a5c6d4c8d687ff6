#include "core.h"
#include "shift.h"

/* Whether uncertainty and distance each reach their reference, set for the rate's square root. The
   distance is that to the nearest member of the open batch. An empty batch accepts anything; the
   first distance after that only sets the reference, which is estimated anew for each batch. */
int odl_rule_dualrv(odl_session *session, const uint8_t *features, int32_t utility, int64_t rate, int64_t left,
                    int64_t hop)
{
    odl_state *s = &session->state;
    int64_t each = odl_root(rate * ODL_HIGHEST);
    int uncertain = odl_rule_inforv(session, features, utility, each, left, hop);
    int32_t nearest = -1;
    for (int32_t i = 0; i < s->n_ask; i++) {
        if (s->ask_batch[i] == s->batch) {
            int32_t d = odl_distance(features, s->ask_features[i], ODL_FEATURES);
            if (nearest < 0 || d < nearest)
                nearest = d;
        }
    }
    if (nearest < 0)
        return uncertain;
    if (s->n_far == 0) {
        s->n_far = 1;
        s->rv_d = odl_max64((int64_t)nearest * 65536, ODL_LOWEST);
        return 0;
    }
    int far = (int64_t)nearest * 65536 >= s->rv_d;
    s->rv_d = odl_track_quantile(s->rv_d, nearest, each, (unsigned)session->settings.step);
    return uncertain && far;
}
