#include <string.h>

#include "core.h"

/* The segment: the stretch of unchanged stream that the last window belongs to. What it is like says
   the mean of its windows' features, of which the first 256 count. */

enum { MOST = 256 }; /* 256 * 255 is below 2**16 */

/* The rounded mean of the segment's features; it has a window. */
void odl_segment_mean(const odl_state *s, uint8_t *mean)
{
    uint32_t n = (uint32_t)s->n_sum;
    for (uint32_t k = 0; k < ODL_FEATURES; k++)
        mean[k] = (uint8_t)((s->sums[k] + n / 2) / n);
}

/* A change of the stream: no answer stands any longer. */
void odl_end_segment(odl_state *s)
{
    s->segment += 1;
    s->held = s->held_said = ODL_NO_CLASS;
    s->age = 0;
    s->n_sum = 0;
}

/* Add `window` to the segment, or begin one with it if it is unlike the mean of those before. */
void odl_segment(odl_session *session, const uint8_t *features, int64_t window)
{
    odl_state *s = &session->state;
    if (s->age > 0) {
        uint8_t mean[ODL_FEATURES];
        int64_t change = session->settings.change, n = s->n_sum;
        odl_segment_mean(s, mean);
        int64_t far = odl_distance(features, mean, ODL_FEATURES);
        if (far * far * n > change * change * (n + 1)) /* more is allowed while the mean is uncertain */
            odl_end_segment(s);
    }
    if (s->age == 0) {
        memset(s->sums, 0, sizeof s->sums);
        s->asked = 0;
        s->doubt = 0;
        s->since = window;
    }
    s->age += 1;
    if (s->n_sum < MOST) {
        for (uint32_t k = 0; k < ODL_FEATURES; k++)
            s->sums[k] = (uint16_t)(s->sums[k] + features[k]);
        s->n_sum += 1;
    }
    s->last = window;
}
