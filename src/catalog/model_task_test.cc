#include "catalog/model_task.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "base/str.h"

namespace hearth::catalog {
namespace {

namespace fs = std::filesystem;

const std::string kModels = HEARTH_SOURCE_DIR "/tests/golden/hf/";

TEST(ModelTask, is_what_the_file_says) {
  EXPECT_EQ(task_of_file(kModels + "bert/model.gguf"), "embeddings");
  EXPECT_EQ(task_of_file(kModels + "llama/model.gguf"), "chat");
  EXPECT_EQ(task_of_file(kModels + "bert"), "embeddings");
  EXPECT_EQ(task_of_file(kModels + "llama"), "chat");
  EXPECT_EQ(task_of_file(kModels + "absent.gguf"), "");
}

TEST(ModelTask, of_a_file_that_was_written_since_is_read_again) {
  const std::string path = cat(testing::TempDir(), "model_task.", ::getpid(), ".gguf");
  const auto before = fs::file_time_type::clock::now() - std::chrono::hours(1);
  fs::copy_file(kModels + "llama/model.gguf", path, fs::copy_options::overwrite_existing);
  fs::last_write_time(path, before);
  EXPECT_EQ(task_of_file(path), "chat");
  fs::copy_file(kModels + "bert/model.gguf", path, fs::copy_options::overwrite_existing);
  fs::last_write_time(path, before);
  EXPECT_EQ(task_of_file(path), "chat") << "the file is not read again";
  fs::last_write_time(path, before + std::chrono::seconds(1));
  EXPECT_EQ(task_of_file(path), "embeddings");
  fs::remove(path);
  EXPECT_EQ(task_of_file(path), "");
}

}  // namespace
}  // namespace hearth::catalog
