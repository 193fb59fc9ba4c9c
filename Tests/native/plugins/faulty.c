// A plugin that is at fault in the way that the environment variable FAULT names, and good when it is not set.
#include <pynomaly_plugin.h>
#include <stdlib.h>
#include <string.h>

static pyn_status create(const pyn_plugin_class *this_class, pyn_plugin_call *call, const pyn_value *values,
                         int64_t value_count, void **instance) {
    (void)this_class, (void)call, (void)values, (void)value_count;
    *instance = malloc(1);
    return PYN_OK;
}
static pyn_status fit(void *instance, pyn_plugin_call *call, const pyn_plugin_training *training) {
    (void)instance, (void)call, (void)training;
    return PYN_OK;
}
static pyn_status score(const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *scores) {
    (void)instance, (void)call;
    for (int64_t row = 0; row < X->rows; row++) scores[row] = 1;
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
#ifdef destroy  // to leave it unresolved
void destroy(void *instance);
#else
static void destroy(void *instance) { free(instance); }
#endif

static const char *const choices[] = {"one", "two"};
static const char *const repeated[] = {"one", "one"};
static pyn_plugin_option options[3];
static pyn_plugin_class classes[2];
static const pyn_plugin_class *pointers[2];

static void begin(void) {
    const pyn_plugin_option good[] = {
        PYN_PLUGIN_OPTION_INT("count", "A number.", 5, 1, 10),
        PYN_PLUGIN_OPTION_DOUBLE("share", "A share.", 0.5, 0.0, 1.0),
        PYN_PLUGIN_OPTION_STRING("kind", "A kind.", "one", choices, 2),
    };
    memcpy(options, good, sizeof good);
    const pyn_plugin_class one = {
        sizeof one, "Faulty", "1.0.0", "A test.", "None.", 0, options, 3, NULL,
        create, fit, NULL, score, NULL, NULL, NULL, save, load, destroy,
    };
    classes[0] = classes[1] = one;
    classes[1].name = "Faulty2";
    pointers[0] = &classes[0];
    pointers[1] = &classes[1];
}

PYN_PLUGIN_EXPORT pyn_status pynomaly_plugin_init(const pyn_plugin_host *host, int32_t requested_abi,
                                                  pyn_plugin *plugin) {
    const char *fault = getenv("FAULT");
    (void)host, (void)requested_abi;
    begin();
    plugin->struct_size = sizeof *plugin;
    plugin->abi_version = PYN_PLUGIN_ABI_VERSION;
    plugin->name = "faulty";
    plugin->version = "1.0.0";
    plugin->description = "A test.";
    plugin->classes = pointers;
    plugin->class_count = 2;
    if (!fault) return PYN_OK;
#define IS(name) (strcmp(fault, name) == 0)
    if (IS("abi too new")) return plugin->abi_minimum = 2, plugin->abi_maximum = 3, PYN_ERROR_NOT_SUPPORTED;
    if (IS("abi too old")) return plugin->abi_minimum = 0, plugin->abi_maximum = 0, PYN_ERROR_NOT_SUPPORTED;
    if (IS("abi never ends")) return plugin->abi_minimum = 1, plugin->abi_maximum = 9, PYN_ERROR_NOT_SUPPORTED;
    if (IS("abi unasked")) plugin->abi_version = 7;
    if (IS("init fails")) return PYN_ERROR_OUT_OF_MEMORY;
    if (IS("init nonsense")) return 4711;
    if (IS("plugin size")) plugin->struct_size = sizeof *plugin - 8;
    if (IS("plugin size 0")) plugin->struct_size = 0;
    if (IS("plugin size huge")) plugin->struct_size = (size_t)-1;
    if (IS("class size")) classes[0].struct_size = 64;
    if (IS("option size")) options[0].struct_size = 0;
    if (IS("option sizes differ")) options[1].struct_size += 8;
    if (IS("no name")) plugin->name = NULL;
    if (IS("bad name")) plugin->name = "Faulty Plugin";
    if (IS("not text")) plugin->name = "\xff\xfe";
    if (IS("bad version")) plugin->version = "1.0";
    if (IS("no description")) plugin->description = "";
    if (IS("no classes")) plugin->classes = NULL;
    if (IS("class count 0")) plugin->class_count = 0;
    if (IS("class count huge")) plugin->class_count = INT64_MAX;
    if (IS("class count negative")) plugin->class_count = -1;
    if (IS("class NULL")) pointers[1] = NULL;
    if (IS("same name twice")) classes[1].name = "Faulty";
    if (IS("name taken")) classes[1].name = "IsolationForest";
    if (IS("class name")) classes[0].name = "9Lives";
    if (IS("class name python")) classes[0].name = "None";
    if (IS("class name long"))
        classes[0].name = "A2345678901234567890123456789012345678901234567890123456789012345";
    if (IS("class version")) classes[0].version = "one";
    if (IS("no reference")) classes[0].reference = NULL;
    if (IS("no create")) classes[0].create = NULL;
    if (IS("no fit")) classes[0].fit = NULL;
    if (IS("no score")) classes[0].score = NULL;
    if (IS("no save")) classes[0].save = NULL;
    if (IS("no load")) classes[0].load = NULL;
    if (IS("no destroy")) classes[1].destroy = NULL;
    if (IS("capabilities")) classes[0].capabilities = 64;
    if (IS("option count")) classes[0].option_count = -1;
    if (IS("options NULL")) classes[0].options = NULL;
    if (IS("option name")) options[0].name = "Count";
    if (IS("option no name")) options[0].name = NULL;
    if (IS("option twice")) options[1].name = "count";
    if (IS("option contamination")) options[1].name = "contamination";
    if (IS("option n_jobs")) options[1].name = "n_jobs";
    if (IS("option lambda")) options[1].name = "lambda";
    if (IS("option types 0")) options[0].types = 0;
    if (IS("option types 16")) options[0].types = 16;
    if (IS("int bounds")) options[0].int_minimum = 11;
    if (IS("double bounds")) options[1].double_minimum = 2;
    if (IS("double infinite")) options[1].double_maximum = 1e308 * 10;
    if (IS("default outside")) options[0].default_value.int_value = 11;
    if (IS("default type")) options[0].default_value.type = PYN_OPTION_BOOL;
    if (IS("default no type")) options[0].default_value.type = 0;
    if (IS("no choices")) options[2].choice_count = 0;
    if (IS("choices NULL")) options[2].choices = NULL;
    if (IS("choices repeated")) options[2].choices = repeated;
    if (IS("choices of an int")) options[0].choice_count = 1;
    if (IS("random_state")) options[0].name = "random_state";
    return PYN_OK;
}
