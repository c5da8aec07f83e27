// ik_llama_cpp.cc - ik_llama.cpp as a peer of bench/peers/run, for those who have its source:
// bench/README.md says how to build it.
//
//   ik_llama_cpp MODEL THREADS CONTEXT [repack]
//
// answers lines "prefill N" and "decode DEPTH N" with their seconds, as hearth bench model --turns
// does. Without "repack" (its -rtr) weights stay as the file has them.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "llama.h"

namespace {

using Clock = std::chrono::steady_clock;

class Peer {
 public:
  Peer(const char* path, std::uint32_t n_threads, std::uint32_t context, bool repack) {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    llama_model_params model = llama_model_default_params();
    model.repack_tensors = repack;
    model.use_mmap = !repack;
    model_ = llama_model_load_from_file(path, model);
    if (model_ == nullptr) fail("cannot load the model");
    llama_context_params how = llama_context_default_params();
    how.n_ctx = context;
    how.n_batch = how.n_ubatch = kBatch;
    how.n_threads = how.n_threads_batch = n_threads;
    how.flash_attn = true;
    context_ = llama_init_from_model(model_, how);
    if (context_ == nullptr) fail("cannot make a context");
  }

  double prefill(int n_tokens) {
    clear();
    const Clock::time_point start = Clock::now();
    feed(n_tokens);
    return seconds_since(start);
  }

  double decode(int depth, int n_tokens) {
    depth = std::max(depth, 1);
    if (prompt_ == depth) {
      llama_kv_cache_seq_rm(context_, 0, depth, -1);
      position_ = depth;
    } else {
      clear();
      feed(depth);
      prompt_ = depth;
    }
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < n_tokens; ++i) feed(1);
    return seconds_since(start);
  }

  [[noreturn]] static void fail(const char* why) {
    std::fprintf(stderr, "ik_llama_cpp: %s\n", why);
    std::exit(1);
  }

 private:
  static constexpr int kBatch = 512;

  void clear() {
    llama_kv_cache_clear(context_);
    position_ = 0;
    prompt_ = 0;
  }

  void feed(int n_tokens) {
    std::uniform_int_distribution<llama_token> any(0, llama_n_vocab(model_) - 1);
    for (int done = 0; done < n_tokens; done += kBatch) {
      std::vector<llama_token> ids(static_cast<std::size_t>(std::min(kBatch, n_tokens - done)));
      for (llama_token& id : ids) id = any(random_);
      const auto n = static_cast<std::int32_t>(ids.size());
      if (llama_decode(context_, llama_batch_get_one(ids.data(), n, position_, 0)) != 0)
        fail("llama_decode failed");
      position_ += n;
    }
    llama_synchronize(context_);
  }

  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  llama_model* model_ = nullptr;
  llama_context* context_ = nullptr;
  std::mt19937 random_{1};
  int position_ = 0, prompt_ = 0;  // prompt_: the depth whose keys and values are there, 0 for none
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) Peer::fail("usage: ik_llama_cpp MODEL THREADS CONTEXT [repack]");
  const auto number = [&](int i) {
    return static_cast<std::uint32_t>(std::strtoul(argv[i], nullptr, 10));
  };
  Peer peer(argv[1], number(2), number(3), argc > 4 && std::string(argv[4]) == "repack");
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string what;
    int first = 0, second = 0;
    words >> what >> first;
    if (what == "decode") words >> second;
    if (words.fail() || (what != "prefill" && what != "decode"))
      Peer::fail("expected \"prefill N\" or \"decode DEPTH N\"");
    std::printf("%.6f\n", what == "prefill" ? peer.prefill(first) : peer.decode(first, second));
    std::fflush(stdout);
  }
  std::_Exit(0);  // its own threads may still be there
}
