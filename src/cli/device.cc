#include "cli/device.h"

#include "base/ascii.h"
#include "base/str.h"
#include "cli/output.h"

namespace hearth::cli {

void add_device(CLI::App& command, std::string& device) {
  command.add_option("--device", device, "CPU, the only one in this version")->type_name("DEVICE");
}

Result<void> check_device(const std::string& device) {
  if (device.empty() || ascii_lower(device) == "cpu") return {};
  return Error{ErrorKind::unsupported,
               cat("--device ", one_line(device), ": this version runs models on the CPU only")};
}

}  // namespace hearth::cli
