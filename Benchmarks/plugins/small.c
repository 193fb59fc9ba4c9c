/* The smallest plugin, NUMBER of many. */
#include <pynomaly_plugin.h>
#include <stdlib.h>

#define TEXT(x) #x
#define WORD(x) TEXT(x)

static pyn_status create(const pyn_plugin_class *this_class, pyn_plugin_call *call, const pyn_value *values,
                         int64_t value_count, void **instance) {
    (void)this_class, (void)call, (void)values, (void)value_count;
    return (*instance = malloc(1)) ? PYN_OK : PYN_ERROR_OUT_OF_MEMORY;
}
static pyn_status fit(void *instance, pyn_plugin_call *call, const pyn_plugin_training *training) {
    (void)instance, (void)call, (void)training;
    return PYN_OK;
}
static pyn_status score(const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *scores) {
    (void)instance, (void)call;
    for (int64_t row = 0; row < X->rows; row++) scores[row] = 0;
    return PYN_OK;
}
static pyn_status save(const void *instance, pyn_plugin_call *call) {
    (void)instance, (void)call;
    return PYN_OK;
}
static pyn_status load(const pyn_plugin_class *this_class, pyn_plugin_call *call, const pyn_value *values,
                       int64_t value_count, int64_t feature_count, const void *data, size_t size,
                       void **instance) {
    (void)feature_count, (void)data, (void)size;
    return create(this_class, call, values, value_count, instance);
}
static void destroy(void *instance) { free(instance); }

static const pyn_plugin_option options[] = {PYN_PLUGIN_OPTION_INT("count", "A number.", 5, 1, 10)};
static const pyn_plugin_class small = {
    sizeof small, "Small" WORD(NUMBER), "1.0.0", "The smallest.", "None.", 0, options, 1, NULL, create, fit, NULL,
    score, NULL, NULL, NULL, save, load, destroy,
};
static const pyn_plugin_class *const classes[] = {&small};

PYN_PLUGIN_EXPORT pyn_status pynomaly_plugin_init(const pyn_plugin_host *host, int32_t requested_abi,
                                                  pyn_plugin *plugin) {
    (void)host;
    plugin->struct_size = sizeof *plugin;
    plugin->abi_version = requested_abi;
    plugin->name = "small" WORD(NUMBER);
    plugin->version = "1.0.0";
    plugin->description = "The smallest.";
    plugin->classes = classes;
    plugin->class_count = 1;
    return PYN_OK;
}
