// A plugin whose detector does what its option `behaviour` says, so that the host can be seen to cope.
// The score of a row is its first value, so that results are known.
#include <pynomaly_plugin.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#ifndef PROBE_VERSION
#define PROBE_VERSION "1.0.0"
#endif

namespace {

const pyn_plugin_host *host;
struct Probe {
    std::string behaviour;
    std::int64_t seed = 0, rows = 0;
    mutable std::atomic<int> running{0}, most_running{0};
    bool is(const char *name) const { return behaviour == name; }
};

pyn_status create(const pyn_plugin_class *, pyn_plugin_call *call, const pyn_value *values, std::int64_t count,
                  void **instance) {
    if (count != 2 || values[0].type != PYN_OPTION_STRING || values[1].type != PYN_OPTION_INT)
        return host->fail(call, PYN_ERROR_INTERNAL, -1, -1, "the values are not those of the list");
    auto probe = std::make_unique<Probe>();
    probe->behaviour = values[0].string_value;
    probe->seed = values[1].int_value;
    if (probe->is("create throws")) throw std::runtime_error("no more");
    *instance = probe->is("create NULL") ? nullptr : probe.release();
    return PYN_OK;
}

pyn_status learn(void *instance, pyn_plugin_call *call, const pyn_plugin_training *training) {
    auto *probe = static_cast<Probe *>(instance);
    if (probe->is("fit fails at a place"))
        return host->fail(call, PYN_ERROR_INVALID_DATA, 3, 1, "this row will not do");
    if (probe->is("fit fails silently")) return PYN_ERROR_INVALID_DATA;
    if (probe->is("fit nonsense")) return -5;
    if (probe->is("fit out of memory")) throw std::bad_alloc();
    if (probe->is("fit cancelled by nobody")) return PYN_ERROR_CANCELLED;
    if (probe->is("fit waits"))
        for (int step = 0; step < 100000; step++) {
            volatile double work = 0;
            for (int k = 0; k < 20000; k++) work = work + std::sqrt(double(k));
            if (host->progress(call, step / 1e5)) return PYN_ERROR_CANCELLED;
        }
    if (probe->is("asks for nonsense")) {
        pyn_plugin_random never_started = {};
        double values[4];
        host->random_normal(&never_started, values, 4);
        const auto chunk = [](pyn_plugin_call *, std::int64_t, std::int32_t, void *) { return pyn_status(PYN_OK); };
        if (host->parallel_for(call, INT64_MAX, chunk, nullptr) != PYN_ERROR_INVALID_ARGUMENT ||
            host->parallel_for(call, -5, chunk, nullptr) != PYN_OK ||
            host->read_rows(training->X, INT64_MAX, 2, values) != PYN_ERROR_SHAPE_MISMATCH ||
            host->read_column(training->X, -1, values) != PYN_ERROR_SHAPE_MISMATCH ||
            host->allocate(host, SIZE_MAX) != nullptr || host->get_extension(host, "none/1") != nullptr)
            return host->fail(call, PYN_ERROR_INTERNAL, -1, -1, "nonsense was taken");
        pyn_matrix wild = *training->X;
        wild.rows = wild.columns = 2;
        wild.row_stride = -16;
        wild.column_stride = 0x7ffffffffffffff0;
        if (host->read_rows(&wild, 0, 1, values) != PYN_ERROR_INVALID_DATA)
            return host->fail(call, PYN_ERROR_INTERNAL, -1, -1, "wild strides were taken");
    }
    if (probe->is("needs weights") && !training->sample_weight)
        return host->fail(call, PYN_ERROR_INVALID_ARGUMENT, -1, -1, "weights are needed");
    if (probe->is("fit in parallel") || probe->is("chunk fails") || probe->is("chunk throws")) {
        std::vector<double> sums(64);
        struct Work { Probe *probe; double *sums; int threads; } work{probe, sums.data(), host->thread_count(call)};
        const pyn_status status = host->parallel_for(call, 64, [](pyn_plugin_call *part, std::int64_t chunk,
                                                                  std::int32_t worker, void *context) {
            auto *work = static_cast<Work *>(context);
            if (worker < 0 || worker >= work->threads) return host->fail(part, PYN_ERROR_INTERNAL, -1, -1, "worker");
            if (work->probe->is("chunk fails") && chunk >= 7)
                return host->fail(part, PYN_ERROR_INVALID_DATA, chunk, -1, ("chunk " + std::to_string(chunk)).c_str());
            if (work->probe->is("chunk throws") && chunk == 9) throw std::out_of_range("chunk nine");
            pyn_plugin_random random;
            host->random_start(&random, std::uint64_t(work->probe->seed), std::uint64_t(chunk));
            double values[100];
            host->random_uniform(&random, values, 100);
            for (double value : values) work->sums[chunk] += value;
            return pyn_status(PYN_OK);
        }, &work);
        if (status) return status;
        double sum = 0;
        for (double value : sums) sum += value;
        probe->seed = std::int64_t(sum * 1e6);
    }
    probe->rows += training->X->rows;
    if (training->labels)
        for (std::int64_t row = 0; row < training->X->rows; row++) probe->rows += 1000 * training->labels[row];
    return PYN_OK;
}

pyn_status partial_fit(void *instance, pyn_plugin_call *call, const pyn_plugin_training *training) {
    if (training->X->rows == 13) {
        static_cast<Probe *>(instance)->rows = -1;  // a copy: the model in use must not see this
        return host->fail(call, PYN_ERROR_INVALID_DATA, -1, -1, "13 rows bring bad luck");
    }
    return learn(instance, call, training);
}

pyn_status score(const void *instance, pyn_plugin_call *call, const pyn_matrix *X, double *scores) {
    const auto *probe = static_cast<const Probe *>(instance);
    int now = ++probe->running, most = probe->most_running;
    while (now > most && !probe->most_running.compare_exchange_weak(most, now)) {}
    struct Leave {
        const Probe *probe;
        ~Leave() { --probe->running; }
    } leave{probe};
    if (probe->is("score throws a number")) throw 42;
    if (probe->is("score waits"))
        for (int step = 0; X->rows > 2 && step < 100000; step++) {
            volatile double work = 0;
            for (int k = 0; k < 20000; k++) work = work + std::sqrt(double(k));
            if (host->progress(call, step / 1e5)) return PYN_ERROR_CANCELLED;
        }
    if (probe->is("score is slow")) {
        volatile double work = 0;
        for (std::int64_t k = 0; k < 10000 * X->rows; k++) work = work + std::sqrt(double(k));
    }
    host->read_column(X, 0, scores);
    for (std::int64_t row = 0; row < X->rows; row++) {
        if (std::isnan(scores[row])) scores[row] = -1;
        if (scores[row] == 777 && probe->is("score fails at a row"))
            return host->fail(call, PYN_ERROR_INVALID_DATA, row, 0, "a 777");
        if (scores[row] == 777 && probe->is("score gives NaN")) scores[row] = std::nan("");
    }
    return PYN_OK;
}

pyn_status explain(const void *instance, pyn_plugin_call *, const pyn_matrix *X, double *shares) {
    const auto *probe = static_cast<const Probe *>(instance);
    for (std::int64_t k = 0; k < X->rows * X->columns; k++) shares[k] = double(k % X->columns + 1);
    if (probe->is("explain negative") && X->rows > 0) shares[X->columns - 1] = -1;
    return PYN_OK;
}

pyn_status fitted(const void *instance, std::int64_t index, const char **name, double *value) {
    const auto *probe = static_cast<const Probe *>(instance);
    if (index > 2) return PYN_ERROR_NOT_SUPPORTED;
    static const char *const names[] = {"rows_seen", "random_state", "most_running"};
    *name = names[index];
    *value = index == 0 ? double(probe->rows) : index == 1 ? double(probe->seed) : double(probe->most_running.load());
    return PYN_OK;
}

pyn_status save(const void *instance, pyn_plugin_call *call) {
    const auto *probe = static_cast<const Probe *>(instance);
    if (probe->is("save fails")) return host->fail(call, PYN_ERROR_IO, -1, -1, "full");
    const std::int64_t numbers[] = {probe->seed, probe->rows};
    if (const pyn_status status = host->write(call, numbers, 8)) return status;
    return host->write(call, numbers + 1, 8);
}

pyn_status load(const pyn_plugin_class *of, pyn_plugin_call *call, const pyn_value *values, std::int64_t count,
                std::int64_t, const void *data, std::size_t size, void **instance) {
    if (size != 16) return host->fail(call, PYN_ERROR_MODEL_FORMAT, -1, -1, "not 16 bytes");
    if (const pyn_status status = create(of, call, values, count, instance)) return status;
    auto *probe = static_cast<Probe *>(*instance);
    std::memcpy(&probe->seed, data, 8);
    std::memcpy(&probe->rows, static_cast<const char *>(data) + 8, 8);
    return PYN_OK;
}

void destroy(void *instance) { delete static_cast<Probe *>(instance); }

const char *const behaviours[] = {
    "good", "create throws", "create NULL", "fit fails at a place", "fit fails silently", "fit nonsense",
    "fit out of memory", "fit cancelled by nobody", "fit waits", "needs weights", "fit in parallel", "chunk fails",
    "chunk throws", "score throws a number", "score fails at a row", "score gives NaN",
    "score is slow", "explain negative", "save fails",
    "score waits", "asks for nonsense",
};
const char *const random_choices[] = {"random"};

pyn_plugin_option options[] = {
    PYN_PLUGIN_OPTION_STRING("behaviour", "What to do.", "good", behaviours, sizeof behaviours / sizeof *behaviours),
    PYN_PLUGIN_OPTION_INT("random_state", "Seed.", 5, 0, INT64_MAX),
};

pyn_plugin_class make(const char *name, std::int64_t capabilities) {
    return {sizeof(pyn_plugin_class), name, PROBE_VERSION, "A probe.", "None.", capabilities, options, 2, nullptr,
            create, learn, partial_fit, score, explain, nullptr, fitted, save, load, destroy};
}
pyn_plugin_class shared_probe = make("Probe", PYN_PLUGIN_THREAD_SAFE_SCORE | PYN_PLUGIN_SAMPLE_WEIGHT |
                                                  PYN_PLUGIN_MISSING_VALUES);
pyn_plugin_class lonely_probe = make("LonelyProbe", PYN_PLUGIN_NEEDS_LABELS);
const pyn_plugin_class *const classes[] = {&shared_probe, &lonely_probe};

}  // namespace

extern "C" PYN_PLUGIN_EXPORT pyn_status pynomaly_plugin_init(const pyn_plugin_host *given, std::int32_t requested,
                                                             pyn_plugin *plugin) {
    if (std::getenv("PROBE_THROWS")) throw std::logic_error("not today");
    if (requested != PYN_PLUGIN_ABI_VERSION) {
        plugin->abi_minimum = plugin->abi_maximum = PYN_PLUGIN_ABI_VERSION;
        return PYN_ERROR_NOT_SUPPORTED;
    }
    host = given;
    options[1].types |= PYN_OPTION_STRING;
    options[1].choices = random_choices;
    options[1].choice_count = 1;
    plugin->struct_size = sizeof *plugin;
    plugin->abi_version = PYN_PLUGIN_ABI_VERSION;
    plugin->name = "probe";
    plugin->version = PROBE_VERSION;
    plugin->description = "Probes the host.";
    plugin->author = "The testers";
    plugin->licence = "Apache-2.0";
    plugin->classes = classes;
    plugin->class_count = 2;
    host->log(host, PYN_LOG_WARNING, "the probe is in");
    return PYN_OK;
}
