// hearth model import FILE [--alias A] - copies a model file into the cache.
#include <unistd.h>

#include "base/str.h"
#include "catalog/catalog.h"
#include "cli/command.h"
#include "cli/output.h"

namespace hearth::cli {

namespace {

struct ImportFlags {
  std::string file;
  std::string alias;
};

// A percentage on the terminal, rewritten in place; nothing where standard error is a file.
class ProgressLine {
 public:
  explicit ProgressLine(const std::string& file)
      : file_(one_line(file)), shown_(::isatty(STDERR_FILENO) == 1) {}
  ~ProgressLine() {
    if (percent_ >= 0) note("\r\x1b[K");
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void update(std::uint64_t done, std::uint64_t total) {
    const int percent = total == 0 ? 100 : static_cast<int>(done * 100 / total);
    if (!shown_ || percent == percent_) return;
    percent_ = percent;
    note(cat("\rimporting ", file_, " ", percent, " % of ", human_bytes(total), "\x1b[K"));
  }

 private:
  std::string file_;
  bool shown_;
  int percent_ = -1;
};

Result<int> import(const ImportFlags& flags) {
  Result<catalog::CachedModel> model = [&] {
    ProgressLine progress(flags.file);
    return catalog::import_file(
        flags.file, flags.alias,
        [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); });
  }();
  if (!model) return model.error();
  print(cat(model->alias, "  ", human_bytes(model->bytes), "  ", one_line(model->path), "\n"));
  return kSuccess;
}

}  // namespace

void add_model_import(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App& command = *parent.add_subcommand("import", "copy a model file into the cache");
  command.add_option("FILE", flags->file, "a model file (.gguf)")->required()->type_name("");
  command
      .add_option("--alias", flags->alias,
                  "the name to use it by: a-z 0-9 . _ - (default: the file's name)")
      ->type_name("NAME");
  command.callback([&action, flags] { action = [flags] { return import(*flags); }; });
}

}  // namespace hearth::cli
