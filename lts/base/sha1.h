// SHA-1 as a name for configurations (Archai's archid), not for security. Implementation: libmd.
#pragma once

#include <string>
#include <string_view>

namespace lts {

std::string Sha1Hex(std::string_view bytes);  // 40 lower-case hex digits

}  // namespace lts
