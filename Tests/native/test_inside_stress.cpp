// Threads that allocate, throw, load libraries, fork and make threads, while the process samples itself a thousand times
// a second: it must neither hang nor break anything.
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pynomaly.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {
std::atomic<bool> goes_on{true};
std::atomic<long> rounds[8], faults{0};

void allocate(std::atomic<long> &count) {
    std::vector<std::string> held;
    unsigned number = 1;
    while (goes_on) {
        number = number * 1103515245 + 12345;
        held.emplace_back(number >> 16 & 4095, 'x');
        if (held.size() > 500) held.erase(held.begin(), held.begin() + 250);
        count++;
    }
}

__attribute__((noinline)) void fail(int depth) {
    std::string kept(40, 'k');
    if (depth > 0) fail(depth - 1);
    else throw std::runtime_error(kept);
}

void throw_often(std::atomic<long> &count) {
    while (goes_on) {
        uint64_t label = pyn_profiler_push_label("throws", nullptr);
        try {
            fail(20);
            faults++;
        } catch (const std::runtime_error &error) {
            if (std::strlen(error.what()) != 40) faults++;
        }
        pyn_profiler_pop_label(label);
        count++;
    }
}

void load(std::atomic<long> &count) {
    while (goes_on) {
        if (void *library = dlopen("librt.so.1", RTLD_NOW)) dlclose(library);
        else faults++;
        count++;
    }
}

void fork_often(std::atomic<long> &count) {
    while (goes_on) {
        pid_t pid = fork();
        if (pid == 0) {
            for (volatile int i = 0; i < 100000; i = i + 1) {}
            _exit(7);
        }
        int status = 0;
        pid_t got;
        do got = waitpid(pid, &status, 0);
        while (got < 0 && errno == EINTR);
        if (pid < 0 || got != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 7) faults++;
        count++;
    }
}

void make_threads(std::atomic<long> &count) {
    while (goes_on) {
        std::thread([] {
            for (volatile int i = 0; i < 200000; i = i + 1) {}
        }).join();
        count++;
    }
}

void score(std::atomic<long> &count) {
    std::vector<double> rows(2000 * 4), scores(2000);
    for (size_t i = 0; i < rows.size(); i++) rows[i] = static_cast<double>(i * 7919 % 1000);
    pyn_matrix X = PYN_MATRIX_F64(rows.data(), 2000, 4);
    pyn_detector *detector = nullptr;
    pyn_call call = PYN_CALL_INIT;
    call.threads = 2;
    if (pyn_detector_create("IsolationForest", &detector, nullptr) != PYN_OK) faults++;
    while (goes_on) {
        if (pyn_detector_fit(detector, &X, &call, nullptr) != PYN_OK ||
            pyn_detector_score(detector, &X, &call, scores.data(), 2000, nullptr) != PYN_OK)
            faults++;
        count++;
    }
    pyn_detector_free(detector);
}

// System calls go on: bytes arrive, and in order.
void transfer(std::atomic<long> &count) {
    int ends[2];
    if (pipe(ends) != 0) return void(faults++);
    std::thread writer([&] {
        unsigned char byte = 0;
        while (goes_on) {
            if (write(ends[1], &byte, 1) != 1) faults++;
            byte++;
        }
        close(ends[1]);
    });
    unsigned char expected = 0, byte;
    ssize_t got;
    while ((got = read(ends[0], &byte, 1)) == 1) {
        if (byte != expected++) faults++;
        count++;
    }
    if (got != 0) faults++;
    writer.join();
    close(ends[0]);
}

void record_too(std::atomic<long> &count) {
    while (goes_on) {
        pyn_profiler_options options = PYN_PROFILER_OPTIONS_INIT;
        options.native = 1;
        options.rate = 200;
        pyn_profiler *profiler = nullptr;
        if (pyn_profiler_start(0, &options, &profiler, nullptr) != PYN_OK) faults++;
        usleep(30000);
        pyn_profiler_free(profiler);
        count++;
    }
}
}  // namespace

int main() {
#if defined(__x86_64__)
    alarm(100);
    pyn_profiler_options options = PYN_PROFILER_OPTIONS_INIT;
    options.native = 1;
    options.rate = 1000;
    pyn_profiler *profiler = nullptr;
    pyn_error error = PYN_ERROR_INIT;
    if (pyn_profiler_start(0, &options, &profiler, &error) != PYN_OK) return std::puts(error.message), 1;
    void (*const bodies[8])(std::atomic<long> &) = {allocate, throw_often, load, fork_often,
                                                    make_threads, score, transfer, record_too};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++) threads.emplace_back(bodies[i], std::ref(rounds[i]));
    const char *text = std::getenv("PYN_TEST_SECONDS");
    std::this_thread::sleep_for(std::chrono::seconds(text ? std::atoi(text) : 3));
    goes_on = false;
    for (auto &thread : threads) thread.join();
    pyn_profiler_statistics found = PYN_PROFILER_STATISTICS_INIT;
    if (pyn_profiler_stop(profiler, &error) != PYN_OK ||
        pyn_profiler_get_statistics(profiler, &found, &error) != PYN_OK)
        return std::puts(error.message), 1;
    int64_t length = 0;
    pyn_profiler_write(
        profiler, PYN_PROFILE_SUMMARY,
        [](const void *data, size_t size, void *sum) {
            std::printf("%.*s\n", static_cast<int>(size), static_cast<const char *>(data));
            *static_cast<int64_t *>(sum) += static_cast<int64_t>(size);
            return 0;
        },
        &length, nullptr);
    pyn_profiler_free(profiler);
    for (int i = 0; i < 8; i++) {
        std::printf("%d: %ld rounds\n", i, rounds[i].load());
        if (rounds[i] == 0) faults++;
    }
    std::printf("%ld faults, %lld stacks\n", faults.load(), static_cast<long long>(found.stacks));
    if (found.taken == 0 || length == 0) faults++;
    return faults == 0 ? 0 : 1;
#endif
}
