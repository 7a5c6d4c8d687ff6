/* Model images with a true checksum: refused, or a session runs on them. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static odl_session session;
    static const odl_settings settings = {.rule = ODL_RULE_PERIODIC, .allowed = 20, .horizon = 20, .batch = 1,
                                          .patience = 100, .step = 4, .hold = 1, .change = 1200};
    odl_scaling scaling;
    int16_t raw[16 * ODL_CHANNELS];
    odl_event events[64];
    odl_image_header *header;
    uint8_t *image = malloc(size + 1); /* aligned to 8, and no longer than the input */
    int wrong;
    if (image == NULL || size < sizeof *header) {
        free(image);
        return -1;
    }
    memcpy(image, data, size);
    header = (odl_image_header *)(void *)image;
    memcpy(header->magic, ODL_IMAGE_MAGIC, 4);
    header->major = ODL_IMAGE_MAJOR;
    if (header->total_size > size)
        header->total_size = (uint32_t)size;
    if (header->total_size > 8)
        header->crc = odl_crc32(0, image + 8, header->total_size - 8);
    fuzz_start(&session);
    wrong = odl_open(&session, image, size);
    if (wrong == ODL_IMAGE_FINE) {
        memset(&scaling, 0, sizeof scaling);
        for (int c = 0; c < ODL_CHANNELS; c++) {
            scaling.mult[c] = 16384;
            scaling.shift[c] = 21;
        }
        odl_begin(&session, &settings, 1, &scaling, 0, 0);
        for (int n = 0; n < 12; n++) {
            for (size_t i = 0; i < sizeof raw / sizeof *raw; i++)
                raw[i] = (int16_t)((n * 5003 + (int)i * 977) % 65536 - 32768);
            odl_samples(&session, raw, 16);
            if (session.state.n_ask > 0)
                odl_label(&session, session.state.ask_window[0], session.net.rows[n % session.net.n_rows].cls);
            (void)odl_host_take(events, 64);
            fuzz_check(&session, 1);
        }
        odl_add_class(&session, 77, 0, (const uint8_t *)"new", 3);
        odl_undo(&session);
        (void)odl_host_take(events, 64);
    }
    free(image);
    return 0;
}
