#include "cli/zip.h"

#include <archive.h>
#include <archive_entry.h>

#include <ctime>
#include <memory>

#include "base/str.h"

namespace hearth::cli {

namespace {

la_ssize_t append(archive*, void* out, const void* bytes, std::size_t n) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), n);
  return static_cast<la_ssize_t>(n);
}

bool write_entry(archive* writer, const ZipEntry& entry) {
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> head(archive_entry_new(),
                                                                      archive_entry_free);
  if (head == nullptr) return false;
  archive_entry_set_pathname(head.get(), entry.name.c_str());
  archive_entry_set_size(head.get(), static_cast<la_int64_t>(entry.content.size()));
  archive_entry_set_filetype(head.get(), AE_IFREG);
  archive_entry_set_perm(head.get(), 0600);
  archive_entry_set_mtime(head.get(), std::time(nullptr), 0);
  return archive_write_header(writer, head.get()) == ARCHIVE_OK &&
         archive_write_data(writer, entry.content.data(), entry.content.size()) ==
             static_cast<la_ssize_t>(entry.content.size());
}

}  // namespace

Result<std::string> zip(const std::vector<ZipEntry>& entries) {
  std::string bytes;
  const std::unique_ptr<archive, int (*)(archive*)> writer(archive_write_new(), archive_write_free);
  bool good = writer != nullptr && archive_write_set_format_zip(writer.get()) == ARCHIVE_OK &&
              archive_write_open(writer.get(), &bytes, nullptr, append, nullptr) == ARCHIVE_OK;
  for (const ZipEntry& entry : entries) good = good && write_entry(writer.get(), entry);
  good = good && archive_write_close(writer.get()) == ARCHIVE_OK;
  if (good) return bytes;
  const char* said = writer == nullptr ? nullptr : archive_error_string(writer.get());
  return Error{ErrorKind::io,
               cat("cannot make a zip file: ", said == nullptr ? "no memory" : said)};
}

}  // namespace hearth::cli
