#include "cli/write_model.h"

#include <filesystem>

#include "base/descriptor.h"
#include "base/str.h"
#include "base/thread_pool.h"
#include "cli/output.h"
#include "cli/progress_line.h"
#include "formats/convert.h"

namespace hearth::cli {

Result<std::uint64_t> write_model(const formats::Checkpoint& from, const std::string& quant,
                                  const std::string& to) {
  HEARTH_TRY(const formats::ConversionPlan plan, formats::plan_conversion(from, quant));
  for (const std::string& text : plan.notes) note(cat("note: ", one_line(text), "\n"));
  HEARTH_TRY_VOID(check_room(std::filesystem::path(to).parent_path().string(), plan.file_bytes));
  HEARTH_TRY(NewFile file, NewFile::create(to));
  ThreadPool pool(physical_cores());
  {
    ProgressLine progress(cat("writing ", to));
    HEARTH_TRY_VOID(formats::convert(
        from, plan, pool, [&](std::span<const std::byte> bytes) { return file.write(bytes); },
        [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); }));
  }
  HEARTH_TRY_VOID(file.commit());
  return plan.file_bytes;
}

}  // namespace hearth::cli
