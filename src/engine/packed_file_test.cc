// packed_file_test.cc - whatever becomes of the file of packed weights, a model answers the same.
#include "engine/packed_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/str.h"
#include "engine/engine.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

std::string golden(std::string_view architecture) {
  return cat(HEARTH_SOURCE_DIR "/tests/golden/hf/", architecture, "/model.gguf");
}

class PackedFiles : public ::testing::Test {
 protected:
  PackedFiles() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    use(golden("llama"));
  }
  ~PackedFiles() override { fs::remove_all(folder_); }

  void use(const std::string& model) {
    fs::copy_file(model, model_, fs::copy_options::overwrite_existing);
    want_ = logits_of(*Engine::create({.n_threads = 2}));
  }

  std::vector<float> logits(bool exact = false) const {
    const auto engine =
        Engine::create({.n_threads = 2, .packed_folder = packed_, .packed_least_bytes = 1});
    return logits_of(*engine, exact);
  }

  std::vector<float> logits_of(Engine& engine, bool exact = false, bool settled = false) const {
    const auto model = engine.load("tiny", model_, {.exact = exact});
    EXPECT_TRUE(model) << (model ? "" : model.error().message);
    if (settled) engine.wait_settled(**model);
    const std::vector<TokenId> ids = {1, 5, 9, 40, 3};
    return engine.logits(*model, ids, true, 0)->front();
  }

  std::vector<std::string> kept() const {
    std::vector<std::string> paths;
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(packed_, absent)) {
      paths.push_back(entry.path().string());
    }
    return paths;
  }

  std::string only_kept() const {
    const auto paths = kept();
    EXPECT_EQ(paths.size(), 1u);
    return paths.empty() ? "" : paths.front();
  }

  // A second name: the number of a removed file would be given to the next one.
  void remember(const std::string& path) const {
    fs::remove(first_);
    fs::create_hard_link(path, first_);
  }
  bool is_remembered(const std::string& path) const { return fs::equivalent(path, first_); }

  static void invert_byte(const std::string& path, std::streamoff at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto byte = static_cast<char>(~file.seekg(at).get());
    file.seekp(at).put(byte);
  }

  static constexpr std::streamoff kBoot = 24, kImage = 4096;
  // Not the folder of temporary files, which often lies in memory.
  const std::string folder_ = cat(fs::current_path().string(), "/packed_files-", ::getpid());
  const std::string first_ = folder_ + "/first";
  const std::string model_ = folder_ + "/tiny.gguf", packed_ = folder_ + "/cache/packed";
  std::vector<float> want_;
};

TEST_F(PackedFiles, a_later_load_maps_what_the_first_one_kept) {
  EXPECT_EQ(logits(), want_);
  const std::string path = only_kept();
  remember(path);
  const auto written = fs::last_write_time(path);
  EXPECT_EQ(logits(), want_);
  EXPECT_TRUE(is_remembered(only_kept()));
  EXPECT_EQ(fs::last_write_time(path), written);

  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat(packed_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(PackedFiles, weights_that_moved_to_huge_pages_are_the_same) {
  for (const std::string_view architecture : {"llama", "gpt_oss"}) {
    use(golden(architecture));
    for (int load = 0; load < 2; ++load) {
      const auto engine = Engine::create({.packed_folder = packed_, .packed_least_bytes = 1});
      EXPECT_EQ(logits_of(*engine, false, true), want_) << architecture;
    }
  }
}

TEST_F(PackedFiles, after_a_start_of_the_machine_they_are_checked_once) {
  EXPECT_EQ(logits(), want_);
  const std::string path = only_kept();
  remember(path);
  invert_byte(path, kBoot);
  EXPECT_EQ(logits(), want_);
  EXPECT_TRUE(is_remembered(only_kept()));
  const auto checked = fs::last_write_time(path);
  EXPECT_EQ(logits(), want_);
  EXPECT_EQ(fs::last_write_time(path), checked);

  invert_byte(path, kBoot);
  invert_byte(path, kImage + 5000);
  EXPECT_EQ(logits(), want_);
  EXPECT_EQ(logits(), want_);
  EXPECT_FALSE(is_remembered(only_kept()));
}

TEST_F(PackedFiles, panels_in_another_layout_are_not_computed_with) {
  EXPECT_EQ(logits(), want_);
  invert_byte(only_kept(), kImage);
  EXPECT_EQ(logits(), want_);
  EXPECT_TRUE(kept().empty());
  EXPECT_EQ(logits(), want_);
  EXPECT_EQ(kept().size(), 1u);
}

TEST_F(PackedFiles, a_changed_model_is_packed_again) {
  EXPECT_EQ(logits(), want_);
  remember(only_kept());
  fs::last_write_time(model_, fs::last_write_time(model_) + std::chrono::seconds(1));
  EXPECT_EQ(logits(), want_);
  EXPECT_FALSE(is_remembered(only_kept()));
}

TEST_F(PackedFiles, a_cut_or_foreign_file_is_made_again) {
  EXPECT_EQ(logits(), want_);
  const std::string path = only_kept();
  const auto whole = fs::file_size(path);
  for (const std::uintmax_t size : {std::uintmax_t{0}, std::uintmax_t{100}, whole - 1}) {
    fs::resize_file(path, size);
    EXPECT_EQ(logits(), want_);
    EXPECT_EQ(fs::file_size(only_kept()), whole);
  }
  std::ofstream(path, std::ios::trunc) << std::string(whole, 'x');
  EXPECT_EQ(logits(), want_);
  EXPECT_EQ(fs::file_size(only_kept()), whole);
}

TEST_F(PackedFiles, a_model_loads_where_nothing_can_be_kept) {
  std::ofstream(folder_ + "/cache") << "in the way";
  EXPECT_EQ(logits(), want_);
  EXPECT_TRUE(kept().empty());
}

TEST_F(PackedFiles, what_others_may_write_to_is_not_read) {
  EXPECT_EQ(logits(), want_);
  const std::string path = only_kept();
  remember(path);
  fs::permissions(path, fs::perms::group_write, fs::perm_options::add);
  EXPECT_EQ(logits(), want_);
  EXPECT_FALSE(is_remembered(only_kept()));

  fs::remove(only_kept());
  fs::permissions(packed_, fs::perms::others_write, fs::perm_options::add);
  EXPECT_EQ(logits(), want_);
  EXPECT_TRUE(kept().empty());
}

TEST_F(PackedFiles, folders_in_memory_are_not_used) {
  ThreadPool pool(1);
  const auto file = PackedFile::open("/dev/shm/hearth-packed", {model_}, 4096, pool);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::unsupported) << file.error().message;
  fs::remove("/dev/shm/hearth-packed");
}

TEST_F(PackedFiles, exact_weights_and_small_models_are_not_kept) {
  logits(true);
  EXPECT_TRUE(kept().empty());
  EXPECT_EQ(logits_of(*Engine::create({.packed_folder = packed_})), want_);
  EXPECT_TRUE(kept().empty());
}

TEST_F(PackedFiles, those_of_models_that_are_gone_are_removed) {
  EXPECT_EQ(logits(), want_);
  const std::string path = only_kept();
  std::ofstream(packed_ + "/notes.txt") << "of somebody else";
  remove_orphaned_packed_files(packed_);
  EXPECT_TRUE(fs::exists(path));
  fs::remove(model_);
  remove_orphaned_packed_files(packed_);
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(fs::exists(packed_ + "/notes.txt"));
}

}  // namespace
}  // namespace hearth::engine
