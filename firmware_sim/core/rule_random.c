#include "core.h"

/* Whether selection sampling picks this window: a chance of questions left in windows left. */
int odl_rule_random(odl_session *session, const uint8_t *features, int32_t utility, int64_t rate, int64_t left,
                    int64_t hop)
{
    odl_state *s = &session->state;
    (void)features, (void)utility, (void)rate, (void)hop;
    s->generator = odl_next_state(s->generator);
    return odl_below(s->generator, (uint64_t)left) < session->settings.allowed - s->issued;
}
