// Detectors and options: what can be listed, set, read and refused.
#include "support/support.h"

#include <math.h>

static pyn_detector *forest;

static void detectors_are_listed_in_order(void **state) {
    (void)state;
    const int64_t count = pyn_detector_count();
    assert_true(count >= 1);
    bool forest_seen = false;
    for (int64_t i = 0; i < count; i++) {
        const char *name = pyn_detector_name_at(i);
        assert_non_null(name);
        if (i > 0) assert_true(strcmp(pyn_detector_name_at(i - 1), name) < 0);
        forest_seen |= strcmp(name, "IsolationForest") == 0;

        pyn_detector_info info = PYN_DETECTOR_INFO_INIT;
        OK(pyn_detector_get_info(name, &info, &error));
        assert_string_equal(info.name, name);
        assert_true(strlen(info.description) > 10 && strlen(info.reference) > 10);
        pyn_detector *d = NULL;
        OK(pyn_detector_create(name, &d, &error));
        assert_string_equal(pyn_detector_get_name(d), name);
        assert_int_equal(pyn_detector_is_fitted(d), 0);
        pyn_detector_free(d);
    }
    assert_true(forest_seen);
    static const int64_t outside[] = {-1, INT64_MIN, INT64_MAX};
    for (int i = 0; i < COUNT(outside); i++) assert_null(pyn_detector_name_at(outside[i]));
    assert_null(pyn_detector_name_at(count));
    pyn_detector_info info = PYN_DETECTOR_INFO_INIT;
    STATUS(PYN_ERROR_UNKNOWN_DETECTOR, pyn_detector_get_info("Oracle", &info, &error));
}

static pyn_status set_value(pyn_detector *d, const char *name, const pyn_value *value) {
    switch (value->type) {
        case PYN_OPTION_INT: return pyn_detector_set_int(d, name, value->int_value, &error);
        case PYN_OPTION_DOUBLE: return pyn_detector_set_double(d, name, value->double_value, &error);
        case PYN_OPTION_BOOL: return pyn_detector_set_bool(d, name, value->bool_value, &error);
        default: return pyn_detector_set_string(d, name, value->string_value, &error);
    }
}

static void assert_holds(pyn_detector *d, const char *name, const pyn_value *expected) {
    pyn_value value = PYN_VALUE_INIT;
    OK(pyn_detector_get_option(d, name, &value, &error));
    assert_int_equal(value.type, expected->type);
    switch (value.type) {
        case PYN_OPTION_INT: assert_true(value.int_value == expected->int_value); break;
        case PYN_OPTION_DOUBLE: assert_true(value.double_value == expected->double_value); break;
        case PYN_OPTION_BOOL: assert_int_equal(value.bool_value, expected->bool_value); break;
        default: assert_string_equal(value.string_value, expected->string_value);
    }
}

static void accepts(pyn_detector *d, const char *name, pyn_value value) {
    OK(set_value(d, name, &value));
    assert_holds(d, name, &value);
}

// A refused value changes nothing, and the message names the option and what it allows.
static void refuses(pyn_detector *d, const pyn_option_info *option, pyn_value value) {
    accepts(d, option->name, option->default_value);
    STATUS(PYN_ERROR_INVALID_OPTION, set_value(d, option->name, &value));
    assert_message_has(option->name);
    assert_message_has(option->allowed);
    assert_holds(d, option->name, &option->default_value);
}

static pyn_value int_value(int64_t number) {
    return (pyn_value){.struct_size = sizeof(pyn_value), .type = PYN_OPTION_INT, .int_value = number};
}
static pyn_value double_value(double number) {
    return (pyn_value){.struct_size = sizeof(pyn_value), .type = PYN_OPTION_DOUBLE, .double_value = number};
}
static pyn_value bool_value(int32_t truth) {
    return (pyn_value){.struct_size = sizeof(pyn_value), .type = PYN_OPTION_BOOL, .bool_value = truth};
}
static pyn_value string_value(const char *text) {
    return (pyn_value){.struct_size = sizeof(pyn_value), .type = PYN_OPTION_STRING, .string_value = text};
}

// What introspection says of an option is what setting it does.
static void walk(pyn_detector *d, const pyn_option_info *option) {
    assert_true(strlen(option->description) > 5 && strlen(option->allowed) > 2);
    assert_true(option->default_value.type & option->types);
    assert_holds(d, option->name, &option->default_value);

    if (option->types & PYN_OPTION_INT) {
        accepts(d, option->name, int_value(option->int_minimum));
        accepts(d, option->name, int_value(option->int_maximum));
        if (option->int_minimum > INT64_MIN) refuses(d, option, int_value(option->int_minimum - 1));
        if (option->int_maximum < INT64_MAX) refuses(d, option, int_value(option->int_maximum + 1));
    } else if (!(option->types & PYN_OPTION_DOUBLE)) {
        refuses(d, option, int_value(1));
    }
    if (option->types & PYN_OPTION_DOUBLE) {
        const double middle = option->double_minimum / 2 + option->double_maximum / 2;
        accepts(d, option->name, double_value(middle));
        accepts(d, option->name, double_value(option->double_maximum));
        if (option->double_minimum_exclusive)
            refuses(d, option, double_value(option->double_minimum));
        else
            accepts(d, option->name, double_value(option->double_minimum));
        refuses(d, option, double_value(option->double_minimum - 1 - fabs(option->double_minimum)));
        refuses(d, option, double_value(option->double_maximum * 2 + 1));
        refuses(d, option, double_value(0.0 / strtod("0", NULL)));
    } else {
        refuses(d, option, double_value(0.5));
    }
    if (option->types & PYN_OPTION_BOOL) {
        accepts(d, option->name, bool_value(1));
        accepts(d, option->name, bool_value(0));
    } else {
        refuses(d, option, bool_value(1));
    }
    const int32_t forms = PYN_OPTION_DETECTOR | PYN_OPTION_DETECTOR_LIST | PYN_OPTION_NUMBER_LIST;
    if (option->types & forms) assert_true(option->types & PYN_OPTION_STRING);
    if (option->types & PYN_OPTION_STRING) {
        assert_true(option->choice_count > 0 || option->types & forms);
        for (int64_t i = 0; i < option->choice_count; i++)
            accepts(d, option->name, string_value(option->choices[i]));
    }
    refuses(d, option, string_value("no such choice"));
    refuses(d, option, string_value(""));
}

static void every_option_does_what_it_says(void **state) {
    (void)state;
    for (int64_t k = 0; k < pyn_detector_count(); k++) {
        const char *name = pyn_detector_name_at(k);
        pyn_detector_info info = PYN_DETECTOR_INFO_INIT;
        OK(pyn_detector_get_info(name, &info, &error));
        pyn_detector *d = NULL;
        OK(pyn_detector_create(name, &d, &error));
        for (int64_t i = 0; i < info.option_count; i++) {
            pyn_option_info option = PYN_OPTION_INFO_INIT;
            OK(pyn_detector_get_option_info(name, i, &option, &error));
            walk(d, &option);
        }
        pyn_option_info option = PYN_OPTION_INFO_INIT;
        STATUS(PYN_ERROR_INVALID_ARGUMENT, pyn_detector_get_option_info(name, -1, &option, &error));
        STATUS(PYN_ERROR_INVALID_ARGUMENT,
               pyn_detector_get_option_info(name, info.option_count, &option, &error));
        STATUS(PYN_ERROR_UNKNOWN_DETECTOR, pyn_detector_get_option_info("Oracle", 0, &option, &error));
        pyn_detector_free(d);
    }
}

static void unknown_options_list_the_known(void **state) {
    (void)state;
    pyn_value value = PYN_VALUE_INIT;
    STATUS(PYN_ERROR_UNKNOWN_OPTION, pyn_detector_set_int(forest, "n_estimator", 5, &error));
    assert_message_has("n_estimator");
    assert_message_has("max_samples");
    STATUS(PYN_ERROR_UNKNOWN_OPTION, pyn_detector_set_double(forest, "", 5, &error));
    STATUS(PYN_ERROR_UNKNOWN_OPTION, pyn_detector_set_bool(forest, "Bootstrap", 1, &error));
    STATUS(PYN_ERROR_UNKNOWN_OPTION, pyn_detector_set_string(forest, "x", "y", &error));
    STATUS(PYN_ERROR_UNKNOWN_OPTION, pyn_detector_set_text(forest, "x", "y", &error));
    STATUS(PYN_ERROR_UNKNOWN_OPTION, pyn_detector_get_option(forest, "x", &value, &error));
}

static void text_is_read_as_the_header_says(void **state) {
    (void)state;
    OK(pyn_detector_set_text(forest, "n_estimators", "17", &error));
    const pyn_value seventeen = int_value(17), half = double_value(0.5), milli = double_value(1e-3);
    const pyn_value automatic = string_value("auto"), yes = bool_value(1), no = bool_value(0);
    assert_holds(forest, "n_estimators", &seventeen);
    OK(pyn_detector_set_text(forest, "max_samples", "0.5", &error));
    assert_holds(forest, "max_samples", &half);
    OK(pyn_detector_set_text(forest, "max_samples", "1e-3", &error));
    assert_holds(forest, "max_samples", &milli);
    OK(pyn_detector_set_text(forest, "max_samples", "17", &error));
    assert_holds(forest, "max_samples", &seventeen);
    OK(pyn_detector_set_text(forest, "max_samples", "auto", &error));
    assert_holds(forest, "max_samples", &automatic);
    OK(pyn_detector_set_text(forest, "bootstrap", "true", &error));
    assert_holds(forest, "bootstrap", &yes);
    OK(pyn_detector_set_text(forest, "bootstrap", "false", &error));
    assert_holds(forest, "bootstrap", &no);

    static const char *const bad[][2] = {
        {"n_estimators", "0"},    {"n_estimators", "-5"},     {"n_estimators", "1.5"},
        {"n_estimators", "many"}, {"n_estimators", ""},       {"n_estimators", "5 "},
        {"n_estimators", " 5"},   {"n_estimators", "0x10"},   {"n_estimators", "99999999999999999999"},
        {"n_estimators", "true"}, {"max_samples", "0.0"},     {"max_samples", "1.5"},
        {"max_samples", "nan"},   {"max_samples", "inf"},     {"max_samples", "-0.5"},
        {"max_samples", "Auto"},  {"contamination", "0.6"},   {"contamination", "1e999"},
        {"bootstrap", "1.0"},     {"bootstrap", "yes"},       {"missing_values", "drop"},
    };
    for (int i = 0; i < COUNT(bad); i++)
        STATUS(PYN_ERROR_INVALID_OPTION, pyn_detector_set_text(forest, bad[i][0], bad[i][1], &error));
}

static void a_value_read_lives_until_the_option_is_set(void **state) {
    (void)state;
    pyn_value value = PYN_VALUE_INIT;
    OK(pyn_detector_set_string(forest, "max_samples", "auto", &error));
    OK(pyn_detector_get_option(forest, "max_samples", &value, &error));
    OK(pyn_detector_set_int(forest, "n_estimators", 3, &error));
    OK(pyn_detector_set_string(forest, "missing_values", "native", &error));
    assert_string_equal(value.string_value, "auto");
}

static void structs_of_newer_and_older_hosts(void **state) {
    (void)state;
    struct { pyn_value value; unsigned char tail[16]; } newer;
    memset(&newer, 0xAB, sizeof newer);
    newer.value.struct_size = sizeof newer;
    OK(pyn_detector_get_option(forest, "n_estimators", &newer.value, &error));
    for (size_t i = 0; i < sizeof newer.tail; i++) assert_int_equal(newer.tail[i], 0xAB);

    pyn_detector_info info = PYN_DETECTOR_INFO_INIT;
    info.struct_size = offsetof(pyn_detector_info, option_count);
    info.option_count = 4242;
    (void)pyn_detector_get_info("IsolationForest", &info, NULL);
    assert_int_equal(info.option_count, 4242);
    info.struct_size = 0;
    info.name = NULL;
    (void)pyn_detector_get_info("IsolationForest", &info, NULL);
    assert_null(info.name);
}

static int set_up(void **state) {
    (void)state;
    forest = make_forest(3, 16);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    pyn_detector_free(forest);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(detectors_are_listed_in_order),
        TEST(every_option_does_what_it_says),
        TEST(unknown_options_list_the_known),
        TEST(text_is_read_as_the_header_says),
        TEST(a_value_read_lives_until_the_option_is_set),
        TEST(structs_of_newer_and_older_hosts),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
