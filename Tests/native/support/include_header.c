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
    return matrix.dtype == single.dtype || twice.dtype == value.type || call.threads == error.code ||
           info.option_count == option.choice_count;
}
