// The header alone, twice, with the initialisers that it offers.
#include <pynomaly.h>
#include <pynomaly_plugin.h>
#include <pynomaly.h>

int use_header(const float *floats, const double *doubles);
int use_header(const float *floats, const double *doubles) {
    pyn_error error = PYN_ERROR_INIT;
    pyn_matrix matrix = PYN_MATRIX_INIT, single = PYN_MATRIX_F32(floats, 2, 3), twice = PYN_MATRIX_F64(doubles, 2, 3);
    pyn_detector_info info = PYN_DETECTOR_INFO_INIT;
    pyn_value value = PYN_VALUE_INIT;
    pyn_option_info option = PYN_OPTION_INFO_INIT;
    pyn_call call = PYN_CALL_INIT;
    pyn_plugin_info plugin = PYN_PLUGIN_INFO_INIT;
    pyn_model_info model = PYN_MODEL_INFO_INIT;
    static const char *const choices[] = {"one", "two"};
    const pyn_plugin_option options[] = {
        PYN_PLUGIN_OPTION_INT("count", "A number.", 5, 1, 10),
        PYN_PLUGIN_OPTION_DOUBLE("share", "A share.", 0.5, 0.0, 1.0),
        PYN_PLUGIN_OPTION_BOOL("flag", "A flag.", 1),
        PYN_PLUGIN_OPTION_STRING("kind", "A kind.", "one", choices, 2),
    };
    return matrix.dtype == single.dtype || twice.dtype == value.type || call.threads == error.code ||
           plugin.detector_count == options[1].choice_count || model.detector[0] == 'x' ||
           info.option_count == option.choice_count;
}
